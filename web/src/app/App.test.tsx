import { fireEvent, screen, waitFor } from '@testing-library/react';
import { describe, expect, it } from 'vitest';

import { Door } from './App';
import { SessionProvider } from './session';
import { json, serve, show } from './testing';

const session = { who: 'session:admin', scope: 'admin' };
const status = { version: __VERSION__, agent: { available: true } };

const open = () =>
  show(
    <SessionProvider>
      <Door />
    </SessionProvider>,
    '/no-such-page',
  );

describe('an answer that nobody expects', () => {
  it.each([['{}', {}], ['null', null], ['a list', []]])('of the status, %s, leaves everything where it is and says so', async (_, body) => {
    serve({ 'GET /api/session': session, 'GET /api/status': () => json(body) });
    open();
    expect(await screen.findByText(/Dream Server and this page do not fit together/)).toBeDefined();
    expect(screen.getByRole('button', { name: /^Connection/ })).toBeDefined();
    expect(screen.getByRole('heading', { level: 1 })).toBeDefined();
  });

  it('of the session has a notice, and can be asked for again', async () => {
    let body: object = {};
    serve({ 'GET /api/session': () => json(body), 'GET /api/status': status });
    open();
    expect(await screen.findByText('This answer does not fit the page')).toBeDefined();
    body = session;
    fireEvent.click(screen.getByRole('button', { name: 'Try again' }));
    expect(await screen.findByRole('button', { name: /^Connection/ })).toBeDefined();
  });
});

it('the place of the page is held while nobody has answered yet', async () => {
  serve({ 'GET /api/session': () => new Promise(() => undefined) });
  open();
  expect(await screen.findByRole('status', { name: 'Loading' })).toBeDefined();
});

it('the key can be typed at once', async () => {
  serve({ 'GET /api/session': () => json({}, 401) });
  open();
  const field = await screen.findByLabelText('Key');
  await waitFor(() => expect(document.activeElement).toBe(field));
});
