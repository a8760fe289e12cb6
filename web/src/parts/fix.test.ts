import { expect, it } from 'vitest';

import { stepsOf } from './fix';

it.each([
  ['dream restart hello', '', 'dream restart hello', ''],
  ['or dream init', 'or', 'dream init', ''],
  ['docker rm -f x, if nobody needs it', '', 'docker rm -f x', ', if nobody needs it'],
  ['make run, as root or with sudo', '', 'make run', ', as root or with sudo'],
  ['sudo dmesg | grep NVRM shows what the driver complains of', '', 'sudo dmesg | grep NVRM', ' shows what the driver complains of'],
  ['sudo nvidia-ctk runtime configure --runtime=docker && sudo systemctl restart docker', '', 'sudo nvidia-ctk runtime configure --runtime=docker && sudo systemctl restart docker', ''],
  ['docker system df shows what can go; docker image prune -a removes images', '', 'docker system df', ' shows what can go; docker image prune -a removes images'],
  ['mend the file that is named, or remove its folder', 'mend the file that is named, or remove its folder', '', ''],
  ['dreamily <b>wait</b>', 'dreamily <b>wait</b>', '', ''],
])('%s', (fix, before, command, after) => expect(stepsOf(fix)).toEqual([{ before, command, after }]));

it('has a step for each line', () => {
  expect(stepsOf('dream logs n8n\n\ndream start n8n\n').map(({ command }) => command)).toEqual(['dream logs n8n', 'dream start n8n']);
  expect(stepsOf(undefined)).toEqual([]);
});
