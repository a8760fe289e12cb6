import { useCallback, useEffect, useRef, useState } from 'react';
import { useSearchParams } from 'react-router';

import { type Choice, choiceOf, paramsOf } from './browse';

// The address follows what is typed a moment later: browsers refuse pages that write it with every key.
const settleFor = 250;

/** useChoice is what a person looks for. It lives in the address, so that a link and the way back lead to the same list. */
export function useChoice(): [Choice, (change: Partial<Choice>) => void] {
  const [params, setParams] = useSearchParams();
  const [choice, setChoice] = useState(() => choiceOf(params));
  const written = useRef(params.toString());

  // Somebody else has changed the address: the way back, or a link to another list.
  const address = params.toString();
  useEffect(() => {
    if (address === written.current) return;
    written.current = address;
    setChoice(choiceOf(new URLSearchParams(address)));
  }, [address]);

  useEffect(() => {
    const wanted = paramsOf(choice).toString();
    if (wanted === written.current) return;
    const timer = setTimeout(() => {
      written.current = wanted;
      setParams(new URLSearchParams(wanted), { replace: true, preventScrollReset: true });
    }, settleFor);
    return () => clearTimeout(timer);
  }, [choice, setParams]);

  const change = useCallback((some: Partial<Choice>) => setChoice((old) => ({ ...old, ...some })), []);
  return [choice, change];
}
