import { QueryClient } from '@tanstack/react-query';
import { expect, it } from 'vitest';

import { json, serve } from '../app/testing';
import { queries } from './queries';

const client = () => new QueryClient({ defaultOptions: { queries: { retry: false } } });

it('an API without a catalogue is older', async () => {
  serve({ 'GET /api/extensions/catalog': () => json({ detail: 'no such path: /api/extensions/catalog' }, 404) });
  await expect(client().fetchQuery({ ...queries.catalog(), retry: false })).rejects.toMatchObject({ code: 'older', title: 'This API is older than the page' });
});

it('another refusal stays what it is', async () => {
  serve({ 'GET /api/extensions/catalog': () => json({ code: 'internal', detail: 'no' }, 500) });
  await expect(client().fetchQuery({ ...queries.catalog(), retry: false })).rejects.toMatchObject({ code: 'internal' });
});
