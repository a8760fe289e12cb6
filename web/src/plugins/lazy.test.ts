import { afterEach, beforeEach, expect, it, vi } from 'vitest';

import { again } from './lazy';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('asks again when a request breaks, and gives up after the third', async () => {
  const call = vi.fn<() => Promise<string>>().mockRejectedValueOnce(new Error('network changed')).mockResolvedValue('page');
  const got = again(call);
  await vi.runAllTimersAsync();
  expect(await got).toBe('page');
  expect(call).toHaveBeenCalledTimes(2);

  const broken = vi.fn(() => Promise.reject(new Error('gone')));
  const lost = expect(again(broken)).rejects.toThrow('gone');
  await vi.runAllTimersAsync();
  await lost;
  expect(broken).toHaveBeenCalledTimes(3);
});
