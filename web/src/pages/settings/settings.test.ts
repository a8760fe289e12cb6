import { describe, expect, it } from 'vitest';

import type { Status } from '../../api/types';
import { type Finding, grouped, severityOf, whereToLook } from './doctor-findings';
import { endOf, mayOf, removalOf } from './scopes';
import { versionsOf } from './version-list';

const finding = (severity: string, id: string, rest: Partial<Finding> = {}): Finding => ({ severity, id, title: `${id} is ${severity}`, ...rest });

describe('findings of the doctor', () => {
  const checks = [finding('ok', 'a'), finding('warning', 'b'), finding('skipped', 'c'), finding('error', 'd'), finding('odd', 'e'), finding('warning', 'f')];
  const ids = (findings: readonly Finding[]) => findings.map(({ id }) => id).join('');
  it('have the worst first, and hide none that this build does not know', () => {
    const { wrong, skipped, fine } = grouped(checks);
    expect([ids(wrong), ids(skipped), ids(fine)]).toEqual(['dbfe', 'c', 'a']);
  });
  it.each([['error', 'bad', 'Error'], ['odd', 'neutral', 'Odd'], ['', 'neutral', '–'], ['x'.repeat(300), 'neutral', `X${'x'.repeat(39)}`]])('%j looks %s, %s', (severity, tone, label) =>
    expect(severityOf(severity)).toEqual({ tone, label }),
  );
  it('say once where to look for what was skipped', () =>
    expect(whereToLook([finding('skipped', 'a', { fix: 'dream doctor' }), finding('skipped', 'b', { fix: 'dream doctor' }), finding('skipped', 'c')])).toEqual(['dream doctor']));
});

describe('versions', () => {
  const status = (rest: object = {}) => ({ version: '2.1.0', agent: { available: true, version: '2.1.0' }, ...rest }) as unknown as Status;
  const text = (...args: Parameters<typeof versionsOf>) => versionsOf(...args).map(({ part, version, problem }) => [part, version, problem].filter(Boolean).join(' | '));
  it('are listed, with those that the doctor found', () =>
    expect(
      text('2.1.0-dev', status(), [
        finding('ok', 'docker', { title: 'Docker Engine 29.1.3 answers (API 1.52)' }),
        finding('error', 'compose', { title: 'docker compose 2.1.0 is too old: 2.29 is the first that works' }),
      ]),
    ).toEqual(['This page | 2.1.0-dev', 'API | 2.1.0', 'Host agent | 2.1.0', 'Docker | 29.1.3', 'Docker Compose | unknown | docker compose 2.1.0 is too old: 2.29 is the first that works']));
  it('say what does not fit together', () => {
    expect(text('2.1.0', status({ version: '2.2.0' }), [])[1]).toBe('API | 2.2.0 | newer than this page: reload it');
    expect(text('2.1.0', status({ version: '2.0.9' }), [])[1]).toContain('older than this page');
    expect(text('2.1.0', status({ agent: { available: true, version: '2.0.0', version_mismatch: 'it is 2.0.0, and the API 2.1.0' } }), [])[2]).toBe('Host agent | 2.0.0 | it is 2.0.0, and the API 2.1.0');
    expect(text('2.1.0', status({ agent: { available: false, reason: 'no socket' } }), [])[2]).toBe('Host agent | unknown | no socket');
  });
  it('leave out what nobody has told', () => expect(text('2.1.0', undefined, [])).toEqual(['This page | 2.1.0']));
});

describe('keys', () => {
  const now = Date.parse('2026-06-15T12:00:00Z');
  it.each([
    [undefined, false, ''],
    ['2027-01-01T00:00:00Z', false, ''],
    ['2026-06-20T00:00:00Z', false, 'soon'],
    ['2026-06-15T11:59:59Z', false, 'expired'],
    ['2027-01-01T00:00:00Z', true, 'expired'],
    ['someday', false, ''],
  ])('that ends %s, expired %s: %j', (expires, expired, want) => expect(endOf({ expired, ...(expires === undefined ? {} : { expires }) }, now)).toBe(want));
  it.each([
    [{ name: 'guest', created: '2026-01-01T00:00:00Z' }, 'dream key remove guest'],
    [{ name: 'admin' }, 'dream key rotate'],
    [{ name: 'extension-n8n', extension: 'n8n', created: '2026-01-01T00:00:00Z' }, undefined],
    [{ name: 'x; rm -rf ~', created: '2026-01-01T00:00:00Z' }, undefined],
  ])('%j is taken back with %s', (key, want) => expect(removalOf(key)).toBe(want));
  it('a scope that is not known is named', () => expect(mayOf('rule')).toBe('do what the scope rule allows'));
});
