import { ActionIcon } from '@mantine/core';
import { Check, Copy } from 'lucide-react';
import { useEffect, useState } from 'react';

import classes from './CopyLine.module.css';

/** CopyLine shows a command to be typed, and copies it where the browser lets us. */
export function CopyLine({ text }: { text: string }) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 2_000);
    return () => clearTimeout(timer);
  }, [copied]);
  // Browsers have a clipboard on secure pages alone.
  const clipboard = navigator.clipboard as Clipboard | undefined;
  return (
    <span className={classes.line}>
      <code className="name">{text}</code>
      {clipboard !== undefined && (
        <ActionIcon
          variant="subtle"
          color="gray"
          size="sm"
          aria-label={copied ? 'Copied' : `Copy ${text}`}
          onClick={() => void clipboard.writeText(text).then(() => setCopied(true), () => undefined)}
        >
          {copied ? <Check size={14} aria-hidden="true" /> : <Copy size={14} aria-hidden="true" />}
        </ActionIcon>
      )}
    </span>
  );
}
