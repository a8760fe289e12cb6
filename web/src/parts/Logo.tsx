/** Logo is the mark of Dream Server; its name stands beside it, or in what it is part of. */
export function Logo({ size = 32 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="8" fill="#4b3fb5" />
      <path d="M20.5 6.8a9.6 9.6 0 1 0 5.2 13.6A8.4 8.4 0 0 1 20.5 6.8z" fill="#fff" />
    </svg>
  );
}
