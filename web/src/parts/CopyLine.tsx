import { ActionIcon } from '@mantine/core';
import { Check, Copy } from 'lucide-react';
import { useEffect, useRef, useState } from 'react';

import { copyText } from './copy';
import classes from './CopyLine.module.css';

interface CopyLineProps {
  /** A command to be typed, or with block the lines of a file. */
  text: string;
  block?: boolean;
}

/** CopyLine shows what a person shall type elsewhere, and copies it. */
export function CopyLine({ text, block = false }: CopyLineProps) {
  const shown = useRef<HTMLElement>(null);
  const [outcome, setOutcome] = useState<Awaited<ReturnType<typeof copyText>>>();
  useEffect(() => {
    if (outcome === undefined) return;
    const timer = setTimeout(() => setOutcome(undefined), 4_000);
    return () => clearTimeout(timer);
  }, [outcome]);
  const said = outcome === undefined ? '' : words[outcome];
  return (
    <span className={classes.line} data-block={block || undefined}>
      {/* Lines that are too long scroll, so they must be reachable with the keyboard. */}
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <code ref={shown} className={block ? undefined : 'name'} tabIndex={block ? 0 : undefined}>
        {text}
      </code>
      <ActionIcon
        variant="subtle"
        color="gray"
        size="sm"
        className={classes.button}
        aria-label={block ? 'Copy these lines' : `Copy ${text.slice(0, 80)}`}
        title="Copy"
        onClick={() => void copyText(text, shown.current).then(setOutcome)}
      >
        {outcome === 'copied' ? <Check size={14} aria-hidden="true" /> : <Copy size={14} aria-hidden="true" />}
      </ActionIcon>
      <span role="status" className={outcome === 'copied' || said === '' ? 'visually-hidden' : classes.said}>
        {said}
      </span>
    </span>
  );
}

const words = {
  copied: 'Copied',
  selected: 'Selected: copy it with Ctrl+C',
  failed: 'The browser does not let this page copy',
};
