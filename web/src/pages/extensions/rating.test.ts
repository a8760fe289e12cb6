import { expect, it } from 'vitest';

import { costsOf, type Finding, ratingWords, refusalsOf } from './rating';

const finding = (rule: string, severity: string): Finding => ({ rule, severity, path: 'services.x', message: rule, fix: '' });

it('tells what refuses an extension from what costs it points', () => {
  const findings = [finding('privileged', 'error'), finding('no-limits', 'note'), finding('drifts', 'hint')];
  expect(refusalsOf(findings).map(({ rule }) => rule)).toEqual(['privileged']);
  expect(costsOf(findings).map(({ rule }) => rule)).toEqual(['no-limits', 'drifts']); // of a newer API, too
  expect([refusalsOf(undefined), costsOf(null)]).toEqual([[], []]); // of an older one
});

it('no rating says that an extension may do more: that is for its grants', () => {
  for (let rating = 1; rating <= 8; rating++) expect(ratingWords(rating)).not.toMatch(/^It may/);
});
