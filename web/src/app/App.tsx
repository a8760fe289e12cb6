import '@mantine/core/styles.css';
import './base.css';

import { MantineProvider, Modal } from '@mantine/core';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { BrowserRouter } from 'react-router';

import { Unreachable } from '../api/problem';
import { LiveProvider } from '../live/LiveProvider';
import { SignInForm } from '../pages/sign-in/SignInForm';
import { SignInPage } from '../pages/sign-in/SignInPage';
import { ErrorNotice } from '../parts/ErrorNotice';
import { Loading } from '../parts/Loading';
import classes from './App.module.css';
import { Boundary } from './Boundary';
import { SessionProvider, useSession } from './session';
import { Shell } from './Shell';
import { theme, variables } from './theme';

const client = new QueryClient({
  defaultOptions: {
    queries: {
      // News come by the stream of events; what is on the screen is asked for anew when they do.
      staleTime: 30_000,
      networkMode: 'always', // the machine may be reached without the internet
    },
    mutations: { networkMode: 'always' },
  },
});

export function App() {
  return (
    <MantineProvider theme={theme} cssVariablesResolver={variables} defaultColorScheme="auto">
      <QueryClientProvider client={client}>
        <SessionProvider>
          <BrowserRouter>
            <Boundary name="dashboard">
              <Door />
            </Boundary>
          </BrowserRouter>
        </SessionProvider>
      </QueryClientProvider>
    </MantineProvider>
  );
}

/** Door lets in who has a session. One that ends is renewed here, over the page, which keeps what was typed. */
export function Door() {
  const { session, loading, error, expired, retry } = useSession();
  if (loading) {
    return (
      <main className={`${classes.alone} ${classes.opening}`}>
        <h1>Dream Server</h1>
        <Loading lines={3} />
      </main>
    );
  }
  if (session === undefined) {
    if (error === null) return <SignInPage />;
    return (
      <main className={classes.alone}>
        <h1>Dream Server</h1>
        <ErrorNotice error={error} onRetry={retry} urgent />
        {error instanceof Unreachable && <p>This page tries again by itself, every three seconds.</p>}
      </main>
    );
  }
  return (
    <LiveProvider>
      <Shell session={session} />
      <Modal
        opened={expired}
        onClose={() => undefined}
        withCloseButton={false}
        closeOnEscape={false}
        closeOnClickOutside={false}
        title="Your session has ended"
        zIndex={1_000}
        // What stands behind is for who was signed in, dialogs too.
        overlayProps={{ backgroundOpacity: 1, color: 'var(--mantine-color-body)' }}
        transitionProps={{ duration: 0 }}
      >
        <p style={{ marginTop: 0 }}>Sign in again to go on where you were. Nothing that you typed is lost.</p>
        <SignInForm />
      </Modal>
    </LiveProvider>
  );
}
