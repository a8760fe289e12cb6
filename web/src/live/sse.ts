/** Message is one server-sent event. */
export interface Message {
  id: string | undefined;
  event: string;
  data: string;
}

/**
 * reader turns the text of a stream into messages, however it is cut into pieces. What the last piece leaves unfinished is
 * kept for the next. A message that is not ended by an empty line never happened, as the standard says.
 */
export function reader(emit: (message: Message) => void): (piece: string) => void {
  let rest = '';
  let id: string | undefined;
  let event = '';
  let data: string[] = [];

  function take(line: string): void {
    if (line === '') {
      if (data.length > 0) emit({ id, event: event || 'message', data: data.join('\n') });
      event = '';
      data = [];
      return;
    }
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'data') data.push(value);
    else if (field === 'event') event = value;
    else if (field === 'id' && !value.includes('\0')) id = value;
  }

  return (piece) => {
    rest += piece;
    // A \r at the end may be the first half of \r\n.
    const lines = rest.split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? '';
    for (const line of lines) take(line);
  };
}
