// Characters that turn the direction of the text around them: U+202A–202E, U+2066–2069, and the marks U+200E, U+200F and U+061C.
// A name that has some reads as another one, and takes what stands beside it along.
const turning = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** plain has the sign of a character that cannot be shown in place of each one that would turn the text around it. */
export function plain(text: string): string {
  return text.replace(turning, '\ufffd');
}

/**
 * parsed reads JSON, and makes its texts plain. A variable's value stays as it is: it is sent back when its form is saved.
 */
export function parsed(json: string): unknown {
  if (plain(json) === json && !/\\u(?:061c|20[026])/i.test(json)) return JSON.parse(json);
  return JSON.parse(json, (key, value: unknown) => (typeof value === 'string' && key !== 'value' ? plain(value) : value));
}
