/// <reference types="vite/client" />

/** The version that these pages were built for, as semver. */
declare const __VERSION__: string;
