import { QueryClient } from '@tanstack/react-query';
import { describe, expect, it } from 'vitest';

import { queries } from '../api/queries';
import type { Operation, Stage, Status } from '../api/types';
import { apply, merged, newer, newsOf } from './apply';

const stage = (name: Stage['name']): Stage => ({ name, started: '2026-01-02T03:04:05Z' });
const operation = (id: string, rest: Partial<Operation> = {}): Operation => ({
  id,
  kind: 'install',
  extension: 'hello',
  actor: 'key:admin',
  state: 'running',
  started: '2026-01-02T03:04:05Z',
  stages: [],
  ...rest,
});
const failed = (log?: string) =>
  operation('1', { state: 'failed', ended: '2026-01-02T03:05:05Z', error: { code: 'start_failed', detail: 'it died', ...(log === undefined ? {} : { log }) } });

describe('newsOf', () => {
  it.each([
    ['a snapshot', 'snapshot', '{"generation":4}', { event: 'snapshot', generation: 4, resync: false }],
    ['one after a gap', 'snapshot', '{"generation":4,"resync":true}', { event: 'snapshot', generation: 4, resync: true }],
    ['an extension', 'extension', '{"id":"hello"}', { event: 'extension', id: 'hello' }],
    ['what a newer API sends', 'weather', '{"id":"rain"}', undefined],
    ['what is no JSON', 'snapshot', '{', undefined],
    ['what is no object', 'operation', 'null', undefined],
    ['an operation without what was done', 'operation', '{"id":"op-1","state":"running"}', undefined],
    ['an agent that says why in no words', 'agent', '{"available":false,"reason":{}}', undefined],
    ['an operation without an id', 'operation', '{"state":"running"}', undefined],
  ])('reads %s', (_, event, data, want) => expect(newsOf({ id: undefined, event, data })).toEqual(want));
});

describe('newer', () => {
  it('takes what comes later', () => expect(newer(operation('1'), operation('1', { stages: [stage('check')] })).stages).toHaveLength(1));
  it('does not take an end back', () => expect(newer(failed(), operation('1', { stages: [stage('check')] })).state).toBe('failed'));
  it('does not lose stages to an answer that was on its way', () =>
    expect(newer(operation('1', { stages: [stage('check'), stage('copy')] }), operation('1', { stages: [stage('check')] })).stages).toHaveLength(2));
  it('keeps a log that an event does not have', () => expect(newer(failed('boom'), failed()).error?.log).toBe('boom'));
});

describe('merged', () => {
  it('puts a new one where its time is', () =>
    expect(merged([operation('5'), operation('3')], operation('4')).map(({ id }) => id)).toEqual(['5', '4', '3']));
  it('replaces the one that is there', () =>
    expect(merged([operation('1')], failed()).map(({ state }) => state)).toEqual(['failed']));
});

describe('apply', () => {
  function cache() {
    const client = new QueryClient();
    const old: string[] = [];
    return { client, old, soon: (paths: readonly string[] | 'all') => void old.push(...(paths === 'all' ? ['all'] : paths)) };
  }

  it('makes the answers of a snapshot old, and all of them after a gap', () => {
    const { client, old, soon } = cache();
    apply(client, { event: 'snapshot', generation: 5, resync: false }, soon);
    expect(old).toContain('/api/features');
    expect(old).not.toContain('/api/operations');
    apply(client, { event: 'snapshot', generation: 9, resync: true }, soon);
    expect(old.at(-1)).toBe('all');
  });

  it('shows an operation in the lists that it belongs to', () => {
    const { client, soon } = cache();
    for (const query of [{}, { extension: 'hello' }, { extension: 'n8n' }, { state: 'failed' as const }]) {
      client.setQueryData(queries.operations(query).queryKey, { operations: [] });
    }
    apply(client, { event: 'operation', operation: operation('1') }, soon);
    const ids = (query: object) => client.getQueryData(queries.operations(query).queryKey)?.operations?.map(({ id }) => id);
    expect([ids({}), ids({ extension: 'hello' }), ids({ extension: 'n8n' }), ids({ state: 'failed' })]).toEqual([['1'], ['1'], [], []]);
  });

  it('asks for a failed operation again, because events have no log', () => {
    const { client, soon } = cache();
    const { queryKey } = queries.operation('1');
    client.setQueryData(queryKey, operation('1'));
    apply(client, { event: 'operation', operation: failed() }, soon);
    expect(client.getQueryData(queryKey)?.state).toBe('failed');
    expect(client.getQueryState(queryKey)?.isInvalidated).toBe(true);
  });

  it('asks for what tells of changes when one has ended, and not at each stage', () => {
    const { client, old, soon } = cache();
    apply(client, { event: 'operation', operation: operation('1', { stages: [stage('check')] }) }, soon);
    expect(old).toEqual([]);
    apply(client, { event: 'operation', operation: failed() }, soon);
    expect(old).toEqual(expect.arrayContaining(['/api/operations', '/api/policy/audit', '/api/audit']));
  });

  it('shows at once that the agent went away, and asks for what it tells', () => {
    const { client, old, soon } = cache();
    const { queryKey } = queries.status();
    client.setQueryData(queryKey, { agent: { available: true } } as Status);
    apply(client, { event: 'agent', agent: { available: false, reason: 'gone' } }, soon);
    expect(client.getQueryData(queryKey)?.agent).toEqual({ available: false, reason: 'gone' });
    expect(old).toEqual(expect.arrayContaining(['/api/policy/status', '/api/doctor']));
  });
});
