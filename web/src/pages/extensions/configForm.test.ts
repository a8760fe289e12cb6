import { describe, expect, it } from 'vitest';

import { changeOf, type Draft, edited, type Edit, saidOf, shownValue, type Variable, wrongWith } from './configForm';

const variable = (key: string, some: Partial<Variable> = {}): Variable => ({ key, type: 'string', required: false, description: '', set: false, can_generate: false, ...some });
const value = (text: string): Edit => ({ to: 'value', value: text });

const greeting = variable('GREETING', { set: true, value: 'Hi', default: 'Hello' });
const secret = variable('PASSWORD', { type: 'secret', secret: true, set: true, required: true, can_generate: true });
const port = variable('PORT', { type: 'port', value: '7806', default: '7806' });

describe('edited', () => {
  it('forgets an edit that changes nothing', () => {
    const draft = edited({}, greeting, value('Hey'));
    expect(draft).toEqual({ GREETING: value('Hey') });
    expect(edited(draft, greeting, value('Hi'))).toEqual({});
    expect(edited(draft, greeting, undefined)).toEqual({});
  });
  it('takes an empty field of a secret for none that was typed', () => expect(edited({}, secret, value(''))).toEqual({}));
  it('unsets what is set, and nothing else', () => {
    expect(edited({}, greeting, { to: 'unset' })).toEqual({ GREETING: { to: 'unset' } });
    expect(edited({}, port, { to: 'unset' })).toEqual({});
  });
});

it('shows what will hold', () => {
  expect(shownValue(greeting, undefined)).toBe('Hi');
  expect(shownValue(greeting, { to: 'unset' })).toBe('Hello');
  expect(shownValue(secret, undefined)).toBe('');
});

it('sends each key in one place', () => {
  const draft: Draft = { GREETING: value(''), PASSWORD: { to: 'generate' }, PORT: value('80'), OWN: value('x'), GONE: value('y') };
  expect(changeOf(draft, [greeting, secret, port, variable('OWN', { reserved: true })])).toEqual({ values: { PORT: '80' }, unset: ['GREETING'], generate: ['PASSWORD'] });
});

describe('wrongWith', () => {
  it.each<[string, Variable, string, boolean]>([
    ['a port', port, '80', true], ['no port', port, '65536', false], ['no port', port, '8o', false],
    ['a number', variable('N', { type: 'integer' }), '-3', true], ['no number', variable('N', { type: 'integer' }), '3.5', false],
    ['an address', variable('U', { type: 'url' }), 'https://x.example/', true], ['no address', variable('U', { type: 'url' }), 'x.example', false],
    ['an option', variable('E', { type: 'enum', options: ['a', 'b'] }), 'b', true], ['no option', variable('E', { type: 'enum', options: ['a', 'b'] }), 'c', false],
    ['all of a pattern', variable('P', { pattern: '[a-z]+|x' }), 'ab', true], ['part of a pattern', variable('P', { pattern: '[a-z]+' }), 'ab1', false],
    ['a pattern that only the API knows', variable('P', { pattern: '(?i)[a-z]+' }), 'AB', true],
    ['empty, and needed', variable('R', { required: true }), '', false], ['empty, and made up', secret, '', true], ['empty, and not needed', greeting, '', true],
    ['a type of a newer API', variable('T', { type: 'colour' }), 'blue', true],
  ])('%s: %#', (_, of, text, fine) => expect(wrongWith(of, value(text)) === '').toBe(fine));
  it('says nothing of what was not touched', () => expect(wrongWith(variable('R', { required: true }), undefined)).toBe(''));
});

it('puts what was refused beside its field', () => {
  const { byKey, rest } = saidOf([{ path: 'PORT', message: 'is no port', fix: 'write one such as 80' }, { path: 'ELSE', message: 'is not declared' }, { message: 'the disk is full' }], [port]);
  expect([...byKey]).toEqual([['PORT', 'is no port: write one such as 80']]);
  expect(rest.map(({ message }) => message)).toEqual(['is not declared', 'the disk is full']);
});
