/** Prose shows a text of the API, in which commands stand between backquotes. It is text, whatever is in it. */
export function Prose({ text }: { text: string }) {
  const parts = text.split('`');
  if (parts.length % 2 === 0) return <>{text}</>; // one that is not closed is no mark
  return <>{parts.map((part, i) => (i % 2 === 1 ? <code key={i}>{part}</code> : part))}</>;
}
