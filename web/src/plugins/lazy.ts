import { type ComponentType, lazy as whenShown } from 'react';

/**
 * lazy is a page that is no part of the first load. It comes when it is opened, or before, when the browser has nothing else to
 * do: then it opens at once, also while Dream Server does not answer.
 */
export function lazy<Props extends object>(load: () => Promise<{ default: ComponentType<Props> }>) {
  if (import.meta.env.PROD) whenIdle(() => void load().catch(() => undefined)); // it is tried again when it is opened
  return whenShown(load);
}

const quiet = 2_000;

function whenIdle(work: () => void): void {
  const soon = () => setTimeout(() => ('requestIdleCallback' in window ? requestIdleCallback(work) : work()), quiet);
  if (document.readyState === 'complete') soon();
  else window.addEventListener('load', soon, { once: true });
}
