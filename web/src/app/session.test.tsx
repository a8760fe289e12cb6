import { fireEvent, screen, waitFor } from '@testing-library/react';
import { useState } from 'react';
import { expect, it, vi } from 'vitest';

import { ask } from '../api/client';
import { SignInForm } from '../pages/sign-in/SignInForm';
import { SessionProvider, useSession } from './session';
import { json, serve, show } from './testing';

const session = { who: 'session:admin', scope: 'admin' };

function Page() {
  const { session: known, loading, expired, signOut } = useSession();
  const [typed, setTyped] = useState('');
  const [result, setResult] = useState('');
  if (loading) return <p>loading</p>;
  if (known === undefined) return <SignInForm />;
  return (
    <>
      <input aria-label="Draft" value={typed} onChange={(event) => setTyped(event.target.value)} />
      <button
        type="button"
        onClick={() => void ask('post', '/api/extensions/{id}/start', { path: { id: 'n8n' } }).then((reply) => setResult(reply.message))}
      >
        Start
      </button>
      <button type="button" onClick={() => void signOut()}>
        Leave
      </button>
      <output>{result}</output>
      {expired && <SignInForm />}
    </>
  );
}

const page = (
  <SessionProvider>
    <Page />
  </SessionProvider>
);

function signIn(key: string) {
  fireEvent.change(screen.getByLabelText('Key'), { target: { value: key } });
  fireEvent.click(screen.getByRole('button', { name: 'Sign in' }));
}

it('asks for a key where there is no session, and says when it opens nothing', async () => {
  const asked = serve({
    'GET /api/session': () => json({ code: 'unauthorized', detail: 'no key' }, 401),
    'POST /api/session': () => json({ code: 'forbidden', title: 'Forbidden', detail: 'Invalid API key.' }, 403),
  });
  show(page);
  await screen.findByLabelText('Key');
  signIn('wrong');
  expect(await screen.findByText(/This key opens nothing/)).toBeDefined();
  expect((screen.getByLabelText('Key') as HTMLInputElement).value).toBe('wrong');
  expect(asked).toEqual(['GET /api/session', 'POST /api/session']);
});

it('a session that ends in the middle of a change is renewed over the page, and the change is made', async () => {
  let open = true;
  serve({
    'GET /api/session': session,
    'POST /api/session': () => ((open = true), json(session)),
    'POST /api/extensions/n8n/start': () => (open ? json({ message: 'n8n is started' }) : json({ code: 'unauthorized', detail: 'over' }, 401)),
  });
  show(page);
  fireEvent.change(await screen.findByLabelText('Draft'), { target: { value: 'half a sentence' } });
  open = false;
  fireEvent.click(screen.getByRole('button', { name: 'Start' }));
  await screen.findByLabelText('Key');
  signIn('right');
  expect(await screen.findByText('n8n is started')).toBeDefined();
  expect((screen.getByLabelText('Draft') as HTMLInputElement).value).toBe('half a sentence');
  expect(screen.queryByLabelText('Key')).toBeNull();
});

it('another tab that signs in helps this one', async () => {
  let open = true;
  serve({
    'GET /api/session': () => (open ? json(session) : json({}, 401)),
    'POST /api/extensions/n8n/start': () => (open ? json({ message: 'n8n is started' }) : json({}, 401)),
  });
  show(page);
  await screen.findByLabelText('Draft');
  open = false;
  fireEvent.click(screen.getByRole('button', { name: 'Start' }));
  await screen.findByLabelText('Key');
  open = true;
  fireEvent(window, new Event('focus'));
  expect(await screen.findByText('n8n is started')).toBeDefined();
});

it('a session that ends in another tab ends here at once', async () => {
  let open = true;
  serve({ 'GET /api/session': () => (open ? json(session) : json({}, 401)) });
  show(page);
  await screen.findByLabelText('Draft');
  open = false;
  const other = new BroadcastChannel('dream-session');
  other.postMessage('look');
  expect(await screen.findByLabelText('Key')).toBeDefined();
  open = true;
  other.postMessage('look');
  await waitFor(() => expect(screen.queryByLabelText('Key')).toBeNull());
  other.close();
});

it('asks again while nobody answers', async () => {
  vi.useFakeTimers({ shouldAdvanceTime: true });
  let there = false;
  serve({ 'GET /api/session': () => { if (!there) throw new TypeError('network'); return json(session); } });
  show(page);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(screen.queryByLabelText('Draft')).toBeNull();
  there = true;
  await vi.advanceTimersByTimeAsync(4_000);
  vi.useRealTimers();
  expect(await screen.findByLabelText('Draft')).toBeDefined();
});

it('signs out', async () => {
  const asked = serve({ 'GET /api/session': session, 'DELETE /api/session': { status: 'signed_out' } });
  show(page);
  fireEvent.click(await screen.findByRole('button', { name: 'Leave' }));
  await screen.findByLabelText('Key');
  expect(asked).toEqual(['GET /api/session', 'DELETE /api/session']);
});

it('says when it is not known whether there is a session', async () => {
  vi.stubGlobal('fetch', () => Promise.reject(new TypeError('network')));
  const seen: unknown[] = [];
  function Look() {
    const { error, loading } = useSession();
    if (!loading) seen.push(error);
    return null;
  }
  show(
    <SessionProvider>
      <Look />
    </SessionProvider>,
  );
  await waitFor(() => expect(seen.at(-1)).toMatchObject({ name: 'Unreachable' }));
});
