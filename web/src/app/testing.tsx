// A dashboard for tests: the real shell over answers that the test gives.
import { MantineProvider } from '@mantine/core';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { render } from '@testing-library/react';
import type { ReactNode } from 'react';
import { MemoryRouter } from 'react-router';
import { vi } from 'vitest';

import { forgetReplies } from '../api/client';
import { theme } from './theme';

/** Answers maps "GET /api/status" to what is answered: a body, or a reply that is made anew for each request. */
export type Answers = Record<string, unknown>;

/** serve answers what the page asks, and returns what was asked. What has no answer is 404; streams stay open. */
export function serve(answers: Answers): string[] {
  const asked: string[] = [];
  forgetReplies();
  vi.stubGlobal('fetch', (url: string, init: RequestInit) => {
    const request = `${init.method} ${url}`;
    asked.push(request);
    if (url === '/api/events') return new Promise(() => undefined);
    const answer = answers[request] ?? answers[request.split('?')[0] ?? ''];
    if (answer === undefined) return Promise.resolve(json({ code: 'not_found', title: 'Not found', detail: `${request} has no answer in this test` }, 404));
    return Promise.resolve(typeof answer === 'function' ? (answer as () => Response)() : json(answer));
  });
  return asked;
}

/** json is a reply. */
export function json(body: unknown, status = 200): Response {
  const type = status >= 400 ? 'application/problem+json' : 'application/json';
  return new Response(JSON.stringify(body), { status, headers: { 'Content-Type': type } });
}

/** show renders a part of the dashboard at an address. */
export function show(part: ReactNode, path = '/') {
  const client = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  return render(
    <MantineProvider theme={theme} env="test">
      <QueryClientProvider client={client}>
        <MemoryRouter initialEntries={[path]}>{part}</MemoryRouter>
      </QueryClientProvider>
    </MantineProvider>,
  );
}
