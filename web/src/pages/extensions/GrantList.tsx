import { CircleHelp, Cpu, Globe, Hammer, Network, ShieldCheck } from 'lucide-react';

import classes from './Detail.module.css';
import { grantOf } from '../../operations/grants';

const grantIcons: Record<string, typeof Cpu> = { gpu: Cpu, build: Hammer, 'host-gateway': Network, 'lan-bind': Globe };

/** GrantList says what an extension may do beyond what every extension may. */
export function GrantList({ grants }: { grants: readonly string[] }) {
  return (
    <ul className={classes.grants}>
      <li>
        <ShieldCheck size={18} aria-hidden="true" />
        <div>
          Runs its own containers, keeps its own data, talks to other services
          <p>Every extension may do that. It sees no other files of this machine, and cannot change it.</p>
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
