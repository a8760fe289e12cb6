import { type ComponentType, lazy as whenShown } from 'react';

/**
 * lazy is a page that is no part of the first load. It comes when it is opened, or before, when the browser has nothing else to
 * do: then it opens at once, also while Dream Server does not answer.
 */
export function lazy<Props extends object>(load: () => Promise<{ default: ComponentType<Props> }>) {
  if (import.meta.env.PROD) whenIdle(() => void load().catch(() => undefined)); // it is tried again when it is opened
  return whenShown(() => again(load));
}

const attempts = 3;
const pauseFor = 400;

/**
 * again calls until it is answered, a few times: a browser on the machine that Docker runs on breaks off its requests whenever a
 * container starts, because that changes the machine's network.
 */
export async function again<T>(call: () => Promise<T>): Promise<T> {
  for (let left = attempts; ; left--) {
    try {
      return await call();
    } catch (error) {
      if (left <= 1) throw error;
      await new Promise((done) => setTimeout(done, pauseFor));
    }
  }
}

const quiet = 2_000;

function whenIdle(work: () => void): void {
  const soon = () => setTimeout(() => ('requestIdleCallback' in window ? requestIdleCallback(work) : work()), quiet);
  if (document.readyState === 'complete') soon();
  else window.addEventListener('load', soon, { once: true });
}
