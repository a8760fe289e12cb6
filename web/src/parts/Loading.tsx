import { Skeleton } from '@mantine/core';

/** Loading holds the place of lines that are on their way, so that nothing jumps when they come. */
export function Loading({ lines = 3, height = 56 }: { lines?: number; height?: number }) {
  return (
    <div role="status" aria-label="Loading" aria-busy="true">
      {Array.from({ length: lines }, (_, i) => (
        <Skeleton key={i} height={height} radius="lg" mb="sm" />
      ))}
    </div>
  );
}
