/** Step is one line of what to do: words, and among them a command where it is one. */
export interface Step {
  before: string;
  /** Empty where the line is a sentence. */
  command: string;
  after: string;
}

const programs = 'sudo|dream|docker|systemctl|journalctl|timedatectl|make|rm|kill|chmod|chown|nvidia-smi';
const command = new RegExp(`^(or )?((?:${programs})(?: [^,;]*?)?)((?:, | shows ).*)?$`);

/** stepsOf reads a fix of the API, which has a command or a sentence on each line. */
export function stepsOf(fix: string | undefined): Step[] {
  return (fix ?? '')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map((line) => {
      const [, before = '', typed, after = ''] = command.exec(line) ?? [];
      return typed === undefined ? { before: line, command: '', after: '' } : { before: before.trim(), command: typed, after };
    });
}
