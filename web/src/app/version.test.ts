import { expect, it } from 'vitest';

import { compareVersions } from './version';

it.each([
  ['2.1.0', '2.1.0', 0],
  ['2.1.0-dev+abc', '2.1.0', 0],
  ['v2.1.0-5-gabcdef', '2.1.0', 0],
  ['2.1.1', '2.1.0', 1],
  ['2.0.9', '2.1.0', -1],
  ['2.10.0', '2.9.0', 1],
  ['3.0.0', '2.9.9', 1],
  ['unknown', '2.1.0', 0],
])('%s against %s', (api, page, want) => expect(compareVersions(api, page)).toBe(want));
