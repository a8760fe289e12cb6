/**
 * copyText puts a text into the clipboard. Browsers lend that to secure pages alone, and this one is often on plain http: there
 * the element that shows the text is selected, and copied in the old way; where that is off, too, the selection stays, for a
 * person to copy.
 */
export async function copyText(text: string, shown: Element | null): Promise<'copied' | 'selected' | 'failed'> {
  const clipboard = navigator.clipboard as Clipboard | undefined;
  if (clipboard !== undefined) {
    try {
      await clipboard.writeText(text);
      return 'copied';
    } catch {
      // A person has refused it, or the page is not in front.
    }
  }
  const selection = window.getSelection();
  if (shown === null || selection === null) return 'failed';
  selection.selectAllChildren(shown);
  try {
    if (document.execCommand('copy')) return 'copied';
  } catch {
    // The selection is what is left.
  }
  return 'selected';
}
