import { Component, type ReactNode } from 'react';

import { ErrorNotice } from '../parts/ErrorNotice';

interface BoundaryProps {
  /** Another name is another page, which has not failed yet. */
  name: string;
  children: ReactNode;
}

/** Boundary keeps a page that throws from taking the rest of the dashboard with it. */
export class Boundary extends Component<BoundaryProps, { error: unknown; failed: string | undefined }> {
  override state = { error: undefined as unknown, failed: undefined as string | undefined };

  static getDerivedStateFromError(error: unknown) {
    return { error: error ?? new Error('the page threw nothing') };
  }

  static getDerivedStateFromProps(props: BoundaryProps, state: { error: unknown; failed: string | undefined }) {
    if (state.error === undefined) return { failed: props.name };
    return state.failed === props.name ? null : { error: undefined, failed: props.name };
  }

  override render() {
    const { error } = this.state;
    if (error === undefined) return this.props.children;
    if (isStaleChunk(error)) {
      return (
        <ErrorNotice
          error={error}
          notice={{
            title: 'This page does not load',
            detail: 'Dream Server was updated while the dashboard was open, or the connection broke.',
            items: [],
            log: '',
            next: 'Reload to get the pages that fit.',
            code: 'page',
          }}
          onRetry={() => location.reload()}
          urgent
        />
      );
    }
    return <ErrorNotice error={error} onRetry={() => this.setState({ error: undefined })} urgent />;
  }
}

// Each browser words it in its own way.
function isStaleChunk(error: unknown): boolean {
  return error instanceof Error && /dynamically imported module|importing a module script|preload CSS/i.test(error.message);
}
