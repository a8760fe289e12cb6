import { describe, expect, it } from 'vitest';

import type { Operation, Stage } from '../api/types';
import { figuresOf } from './OperationProgress';
import { stageOfFailure } from './StageList';
import { current, doing, isCancellable, kindOf, stageAt, stageOf, whoOf } from './words';

const at = '2026-01-02T03:04:05Z';
const operation = (rest: Partial<Operation> = {}): Operation => ({
  id: '1', kind: 'install', extension: 'n8n', actor: 'key:admin', state: 'running', started: at, stages: [], ...rest,
});

it('names what it does not know', () => {
  expect([kindOf('teleport'), stageOf('beam_up'), doing(operation({ kind: 'teleport' as Operation['kind'] }))]).toEqual(['Teleport', 'Beam up', 'Teleport n8n']);
});

it.each([
  ['session:admin', 'admin, in a browser'],
  ['key:backup', 'backup, with its key'],
  ['cli:alice', 'alice, at the command line'],
  ['agent', 'agent'],
  ['robot:r2', 'robot:r2'],
])('%s is %s', (actor, want) => expect(whoOf(actor)).toBe(want));

describe('current', () => {
  const check = { name: 'check', started: at, ended: at } as const;
  const pull = { name: 'pull', started: at } as const;
  it('is the last stage that has not ended', () => expect(current(operation({ stages: [check, pull] }))).toBe(pull));
  it('is none between two', () => expect(current(operation({ stages: [check] }))).toBeUndefined());
  it('is none after the end', () => expect(current(operation({ stages: [pull], ended: at, state: 'failed' }))).toBeUndefined());
});

it.each([
  ['install', 'running', true],
  ['restart', 'running', true],
  ['install', 'waiting', false],
  ['disable', 'running', false],
  ['uninstall', 'running', false],
] as const)('%s that is %s can be cancelled: %s', (kind, state, want) => expect(isCancellable(operation({ kind, state }))).toBe(want));

it.each([
  [{ percent: 40, bytes: 2 ** 30, total_bytes: 2.5 * 2 ** 30 }, '40 % · 1 GB of 2.5 GB'],
  [{ bytes: 2 ** 30, detail: 'layer 3' }, '1 GB · layer 3'],
  [{ percent: 0 }, '0 %'],
  [{}, ''],
])('figures of a stage: %o', (stage, want) => expect(figuresOf({ name: 'pull', started: at, ...stage })).toBe(want));

it('marks the stage that failed, not the undoing of it', () => {
  const stages = [{ name: 'check', started: at }, { name: 'pull', started: at }, { name: 'undo', started: at }] as const;
  expect(stageOfFailure(operation({ state: 'failed', stages: [...stages] }))).toBe(1);
  expect(stageOfFailure(operation({ state: 'succeeded', stages: [...stages] }))).toBe(-1);
});

it('tells the second check from the first', () => {
  const operation = { stages: ['check', 'copy', 'check', 'later'].map((name) => ({ name: name as Stage['name'], started: '' })) };
  expect([0, 1, 2, 3, 4].map((i) => stageAt(operation, i))).toEqual(['Check what it asks for', 'Copy its files', 'Check ports and policies', 'Later', '']);
});
