import { Component, type ReactNode, useEffect, useRef } from 'react';

import { useConnection } from '../live/LiveProvider';
import { ErrorNotice } from '../parts/ErrorNotice';

interface BoundaryProps {
  /** Another name is another page, which has not failed yet. */
  name: string;
  /** A part that can be missing is left out, and nothing takes its place. */
  quiet?: boolean;
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
    if (this.props.quiet) return null;
    if (isMissingScript(error)) return <NotLoaded />;
    return <ErrorNotice error={error} onRetry={() => this.setState({ error: undefined })} urgent />;
  }
}

// A page whose script does not come has nothing to lose: it is loaded anew as soon as Dream Server answers again.
function NotLoaded() {
  const connection = useConnection();
  const before = useRef(connection);
  useEffect(() => {
    if (connection === 'live' && before.current !== 'live') location.reload();
    before.current = connection;
  }, [connection]);
  return <ErrorNotice error={undefined} notice={notLoaded} onRetry={() => location.reload()} urgent />;
}

const notLoaded = {
  title: 'This page does not load',
  detail: 'Dream Server was updated while the dashboard was open, or the connection broke.',
  items: [],
  log: '',
  next: 'Try again to get the pages that fit.',
  code: 'page',
};

// Each browser words it in its own way.
function isMissingScript(error: unknown): boolean {
  return error instanceof Error && /dynamically imported module|importing a module script|preload CSS/i.test(error.message);
}
