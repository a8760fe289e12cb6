import { describe, expect, it } from 'vitest';

import { type Message, reader } from './sse';

function read(...pieces: string[]): Message[] {
  const messages: Message[] = [];
  const take = reader((message) => messages.push(message));
  for (const piece of pieces) take(piece);
  return messages;
}

describe('reader', () => {
  const stream = 'id: A-1\nevent: snapshot\ndata: {"generation":4}\n\n: a comment\nevent: heartbeat\ndata:{}\n\n';
  const want: Message[] = [
    { id: 'A-1', event: 'snapshot', data: '{"generation":4}' },
    { id: 'A-1', event: 'heartbeat', data: '{}' },
  ];

  it('reads messages, and keeps the last id', () => expect(read(stream)).toEqual(want));

  it('reads the same however the stream is cut', () => {
    for (let at = 0; at <= stream.length; at++) expect(read(stream.slice(0, at), stream.slice(at))).toEqual(want);
    expect(read(...stream)).toEqual(want);
  });

  it('reads the same with the other ends of lines', () => {
    const windows = stream.replaceAll('\n', '\r\n');
    for (let at = 0; at <= windows.length; at++) expect(read(windows.slice(0, at), windows.slice(at))).toEqual(want);
  });

  it.each([
    ['several lines of data', 'data: a\ndata: b\n\n', [{ id: undefined, event: 'message', data: 'a\nb' }]],
    ['a field without a colon', 'data\n\n', [{ id: undefined, event: 'message', data: '' }]],
    ['an event without data, which is none', 'event: x\n\n', []],
    ['one that is not ended', 'data: a\n', []],
    ['one blank after the colon alone is no part of the value', 'data:  a\n\n', [{ id: undefined, event: 'message', data: ' a' }]],
  ])('reads %s', (_, text, messages) => expect(read(text)).toEqual(messages));
});
