import { describe, expect, it } from 'vitest';

import { changesOf, differences, downloadOf, effectsOf, portsOf, saidOf, valueOf } from './planView';
import { plan } from './testing';

describe('portsOf', () => {
  it.each([
    ['127.0.0.1', '7806', '127.0.0.1:7806', 7806, 'machine'], ['0.0.0.0', '80', '0.0.0.0:80', 80, 'network'], ['::', '80', '[::]:80', 80, 'network'],
    ['::1', '80', '[::1]:80', 80, 'machine'], ['', '', '0.0.0.0:a free port', undefined, 'network'], ['192.168.1.5', '80', '192.168.1.5:80', 80, 'network'],
  ])('%s %s', (host_ip, published, where, port, reach) => {
    expect(portsOf(plan({ ports: [{ service: 'x', host_ip, published, target: 80, protocol: 'tcp' }] }))).toEqual([{ service: 'x', protocol: 'tcp', where, port, reach }]);
  });
});

describe('downloadOf', () => {
  const image = (state: 'present' | 'pull' | 'build' | 'unknown', bytes: number | null = null) => ({ image: `i:${state}${bytes}`, services: ['x'], state, bytes });
  it.each([
    ['all here', [image('present', 0)], 'Nothing to fetch: every image is here already'],
    ['nothing', [], ''],
    ['known', [image('pull', 1024 ** 3), image('pull', 1024 ** 3)], '2 images to fetch: 2 GB'],
    ['half known', [image('pull', 1024 ** 3), image('pull')], '2 images to fetch: at least 1 GB'],
    ['unknown', [image('pull')], '1 image to fetch: its registry tells how large it is when it begins'],
    ['built, and Docker is away', [image('build'), image('unknown')], '1 image to build on this machine; 1 image of which Docker says nothing now'],
  ])('%s', (_, images, want) => expect(downloadOf(plan({ images }))).toBe(want));
});

it('effectsOf leaves out what stays', () => {
  const of = (service: string, action: string) => ({ service, action }) as never;
  expect(effectsOf(plan({ services: [of('a', 'create'), of('b', 'keep'), of('c', 'recreate'), of('d', 'hibernate')] }))).toEqual(['a is created', 'c is made anew', 'd: Hibernate']);
});

it('changesOf names the service and what of it', () => {
  expect(
    changesOf(
      plan({
        diff: [
          { path: 'services.web.deploy.resources.limits.memory', before: null, after: '512M', plugin: 'limits' },
          { path: 'services.web.labels', before: { a: 1 }, after: null, plugin: 'tags' },
          { path: 'name', before: 'x', after: 'y', plugin: 'odd' },
        ],
      }),
    ),
  ).toEqual([
    { plugin: 'limits', service: 'web', what: 'deploy › resources › limits › memory', before: '', after: '512M' },
    { plugin: 'tags', service: 'web', what: 'labels', before: '{"a":1}', after: '' },
    { plugin: 'odd', service: '', what: 'name', before: 'x', after: 'y' },
  ]);
  expect(valueOf('x'.repeat(500))).toHaveLength(201);
});

it('saidOf is what a person should read of plugins', () => {
  const said = (some: object) => ({ plugin: 'p', hook: 'on_service_apply', mode: 'enforce', outcome: 'accepted', ms: 1, ...some }) as never;
  expect(saidOf(plan({ decisions: [said({}), said({ outcome: 'rejected', message: 'no digest' }), said({ outcome: 'rejected', mode: 'audit' }), said({ outcome: 'failed' }), said({ warnings: ['old'] })] }))).toEqual([
    { plugin: 'p', outcome: 'refuses', text: 'no digest' },
    { plugin: 'p', outcome: 'would refuse', text: '' },
    { plugin: 'p', outcome: 'could not decide', text: '' },
    { plugin: 'p', outcome: 'warns', text: 'old' },
  ]);
});

describe('differences', () => {
  const port = (published: string) => ({ service: 'x', host_ip: '127.0.0.1', published, target: 80, protocol: 'tcp' });
  it('names what is new and what is no more', () => {
    expect(
      differences(plan({ ports: [port('80')] }), plan({ ports: [port('81')], grants: { needed: ['lan-bind'], given: [], missing: [] } })),
    ).toEqual(['Port, new: 127.0.0.1:81 of x', 'Port, no more: 127.0.0.1:80 of x', 'It may, new: be reachable from other machines on your network']);
  });
  it.each([
    ['a-b-c', 'x-b-c', 'Files of the extension or of the stack are others than before.'],
    ['a-b-c', 'a-x-c', 'The policies of this machine are others than before; what would run is the same.'],
    ['a-b-c', 'a-b-x', 'Settings that do not show here are others than before.'],
  ])('says from %s to %s which part of the hash it is', (was, is, want) => expect(differences(plan({ plan_hash: was }), plan({ plan_hash: is }))).toEqual([want]));
});
