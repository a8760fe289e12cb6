import { CircleHelp, Cpu, Globe, Hammer, Network, ShieldCheck } from 'lucide-react';

import classes from './Detail.module.css';
import { grantOf } from '../../operations/grants';

const grantIcons: Record<string, typeof Cpu> = { gpu: Cpu, build: Hammer, 'host-gateway': Network, 'lan-bind': Globe };

/** GrantList says what an extension may do beyond what every extension may. */
export function GrantList({ grants, refused = false }: { grants: readonly string[]; refused?: boolean }) {
  if (refused) return <p style={{ margin: 0 }}>Nothing: it asks for what no extension gets, and is not started.</p>;
  return (
    <ul className={classes.grants}>
      <li>
        <ShieldCheck size={18} aria-hidden="true" />
        <div>
          May run its own containers, keep its own data, talk to other services and the internet
          <p>Every extension may do that. One that would see other files of this machine, or change it, is refused.</p>
        </div>
      </li>
      {grants.map((grant) => {
        const { may, means, asked } = grantOf(grant);
        const Icon = grantIcons[grant] ?? CircleHelp;
        return (
          <li key={grant} data-warn={asked || undefined}>
            <Icon size={18} aria-hidden="true" />
            <div>
              May {may}
              <p>{means}</p>
            </div>
          </li>
        );
      })}
    </ul>
  );
}
