import { useCallback, useEffect, useRef, useState } from 'react';
import { useLocation, useSearchParams } from 'react-router';

import { type Choice, choiceOf, paramsOf } from './browse';

// The address follows what is typed a moment later: browsers refuse pages that write it with every key.
const settleFor = 250;

/** useChoice is what a person looks for. It lives in the address, so that a link and the way back lead to the same list. */
export function useChoice(): [Choice, (change: Partial<Choice>) => void] {
  const [params, setParams] = useSearchParams();
  const { pathname } = useLocation();
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
    const write = () => {
      stop();
      // A page that is being opened is loaded behind this one: the address is its own already.
      if (window.location.pathname !== pathname || wanted === written.current) return;
      written.current = wanted;
      setParams(new URLSearchParams(wanted), { replace: true, preventScrollReset: true });
    };
    const timer = setTimeout(write, settleFor);
    // Who leaves the search goes on to a link perhaps, and finds what was looked for on the way back.
    document.addEventListener('focusout', write);
    const stop = () => {
      clearTimeout(timer);
      document.removeEventListener('focusout', write);
    };
    return stop;
  }, [choice, pathname, setParams]);

  const change = useCallback((some: Partial<Choice>) => setChoice((old) => ({ ...old, ...some })), []);
  return [choice, change];
}
