import { describe, expect, it } from 'vitest';

import type { Variable } from '../configForm';
import { extension, plan } from '../testing';
import { askedOf, keyIn, mayInvent, missingOf, parted, randomSecret, valuesOf } from './ready';

const variable = (key: string, some: Partial<Variable> = {}): Variable => ({ key, type: 'string', required: false, description: '', set: false, can_generate: false, ...some });
const address = variable('ADDRESS', { type: 'url', required: true });
const made = variable('MADE', { type: 'secret', secret: true, required: true, can_generate: true });
const port = variable('PORT', { type: 'port', value: '80' });
const own = variable('OWN', { required: true, reserved: true });
const all = [address, made, port, own];

describe('askedOf', () => {
  const entry = extension('x', { grants: ['gpu', 'lan-bind', 'time-travel'] as never });
  it.each([
    ['no model yet: what the manifest asks for', plan({ verdict: 'refused', plan_hash: undefined as never }), [], ['lan-bind', 'time-travel']],
    ['what is needed', plan({ grants: { needed: ['build', 'gpu'], given: [], missing: ['build'] } }), [], ['build']],
    ['what was given before is not asked again', plan({ grants: { needed: ['build'], given: ['build'], missing: [] } }), [], []],
    ['what is given now stays on the screen', plan({ grants: { needed: ['build'], given: ['build'], missing: [] } }), ['build'], ['build']],
  ] as const)('%s', (_, of, accepted, want) => expect(askedOf(entry, of, accepted as never)).toEqual(want));
});

it('asks for what only a person can know', () => {
  expect(parted(all).needed.map(({ key }) => key)).toEqual(['ADDRESS']);
  expect(parted(all).optional.map(({ key }) => key)).toEqual(['MADE', 'PORT']);
  expect(missingOf({}, all)).toEqual(['ADDRESS']);
  expect(missingOf({ ADDRESS: { to: 'value', value: 'http://x/' }, PORT: { to: 'value', value: 'x' } }, all)).toEqual(['PORT']);
});

it('sends what could be right, and nothing else', () => {
  expect(valuesOf({ ADDRESS: { to: 'value', value: 'http://x/' }, PORT: { to: 'value', value: 'x' }, MADE: { to: 'value', value: '' }, GONE: { to: 'value', value: 'x' } }, all)).toEqual({ ADDRESS: 'http://x/' });
});

it('makes up secrets that the API would not', () => {
  expect(mayInvent(variable('S', { secret: true, required: true }))).toBe(true);
  expect(mayInvent(variable('S', { secret: true, pattern: '[0-9]{4}' }))).toBe(false);
  expect(mayInvent(made)).toBe(false);
  expect(randomSecret()).toMatch(/^[A-Za-z2-9]{32}$/);
  expect(randomSecret()).not.toBe(randomSecret());
});

it.each([
  ['port_taken', 'port 80 is taken: stop it, or set PORT in .env', 'PORT'],
  ['port_taken', 'port 80 is taken: stop it, or set OWN in .env', undefined], // the owner's alone
  ['port_taken', 'port 80 is taken: set PORT_OF_ANOTHER in .env', undefined],
  ['busy', 'set PORT in .env', undefined],
])('%s, "%s": the field %s', (code, text, want) => expect(keyIn(code, [text], all)).toBe(want));
