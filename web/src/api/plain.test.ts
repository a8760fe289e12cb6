import { expect, it } from 'vitest';

import { parsed, plain } from './plain';

it('what turns a text around is shown as a sign', () => {
  expect(plain('abc\u202edef')).toBe('abc\ufffddef');
  expect(plain('a\u2066b\u2069c\u200f\u061c')).toBe('a\ufffdb\ufffdc\ufffd\ufffd');
});

it('what is written from right to left stays', () => expect(plain('خادم الأحلام, שלום')).toBe('خادم الأحلام, שלום'));

it('an answer has plain texts, however they are written down', () => {
  expect(parsed('{"names":["abc\u202edef"]}')).toEqual({ names: ['abc\ufffddef'] });
  expect(parsed(String.raw`{"name":"abc\u202Edef"}`)).toEqual({ name: 'abc\ufffddef' });
});

it('a value is sent back as it came', () => expect(parsed('{"value":"abc\u202edef"}')).toEqual({ value: 'abc\u202edef' }));
