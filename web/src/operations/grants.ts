/** grantText says what a grant lets an extension do; one that this build does not know is named as it is. */
export function grantText(grant: string): string {
  return texts[grant] ?? `do what the grant ${grant} allows`;
}

const texts: Record<string, string> = {
  gpu: 'use this machine’s GPU',
  build: 'run the commands of its Dockerfile while its image is built on this machine',
  'host-gateway': 'reach programs that listen on this machine',
  'lan-bind': 'be reachable from other machines on the network',
};
