import { ChevronRight } from 'lucide-react';
import { useState } from 'react';

import { list, type Schemas } from '../../api/types';
import { whoOf } from '../../operations/words';
import { count, duration } from '../../parts/format';
import { TimeAgo } from '../../parts/TimeAgo';
import { byPolicy } from './changes';
import { useNames } from '../../parts/useNames';
import { ExtensionLink } from '../../parts/ExtensionLink';
import classes from './Security.module.css';
import { ToneBadge } from '../../parts/ToneBadge';
import { type Decision, digestOf, hookOf, modeOf, outcomeOf, peerOf, type Ruling, rulingOf, subjectOf, valueOf } from './words';

/** DecisionRow is one evaluation; it opens to what each policy said and changed. */
export function DecisionRow({ decision }: { decision: Decision }) {
  const [open, setOpen] = useState(false);
  const nameOf = useNames();
  const summary = decision.message || warningOf(decision);
  return (
    <details className={classes.decision} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <ChevronRight size={16} className={classes.chevron} aria-hidden="true" />
        <span className={classes.summary}>
          <span className={classes.rowHead}>
            <ToneBadge look={outcomeOf(decision.outcome)} />
            <span className={`${classes.rowTitle} name`}>{subjectOf({ ...decision, ...(decision.extension ? { extension: nameOf(decision.extension) } : {}) })}</span>
            <span className={classes.when}>
              <TimeAgo time={decision.time} />
            </span>
          </span>
          {summary !== '' && !open && <span className={`${classes.cut} name`}>{summary}</span>}
        </span>
      </summary>
      {open && <Details decision={decision} />}
    </details>
  );
}

function warningOf(decision: Decision): string {
  return list(decision.decisions).flatMap(({ warnings }) => list(warnings))[0] ?? '';
}

function Details({ decision }: { decision: Decision }) {
  const rulings = list(decision.decisions);
  const changes = list(decision.changes);
  return (
    <div className={classes.details}>
      {decision.message !== undefined && decision.message !== '' && <p className="name">{decision.message}</p>}
      <Facts decision={decision} />
      {rulings.length > 0 && (
        <>
          <h3>What each policy said</h3>
          <ul className={`plain-list ${classes.rulings}`}>
            {rulings.map((ruling, i) => (
              <li key={i}>
                <Said ruling={ruling} />
              </li>
            ))}
          </ul>
        </>
      )}
      {changes.length > 0 && (
        <>
          <h3>What they changed</h3>
          <Diff changes={changes} />
          {(decision.more_changes ?? 0) > 0 && <p className={classes.dim}>{count(decision.more_changes ?? 0, 'more change')} did not fit into the log.</p>}
        </>
      )}
      {list(decision.findings).some(({ message }) => message !== decision.message) && (
        <>
          <h3>Differences</h3>
          <ul>
            {list(decision.findings).map((finding, i) => (
              <li key={i} className="name">
                {finding.message}
              </li>
            ))}
          </ul>
        </>
      )}
      {decision.policies !== undefined && <p className="name">{inventory(decision.policies)}</p>}
      {(decision.untold ?? 0) > 0 && <p className={classes.dim}>{count(decision.untold ?? 0, 'plan')} before this one were refused, too, and are not listed.</p>}
    </div>
  );
}

function Facts({ decision }: { decision: Decision }) {
  const nameOf = useNames();
  return (
    <dl className={classes.facts}>
      {decision.extension !== undefined && decision.extension !== '' && (
        <div>
          <dt>Extension</dt>
          <dd>
            <ExtensionLink id={decision.extension} name={nameOf(decision.extension)} />
          </dd>
        </div>
      )}
      <div>
        <dt>When</dt>
        <dd>{timeText(decision.time)}</dd>
      </div>
      {decision.user !== undefined && decision.user !== '' && (
        <div>
          <dt>By</dt>
          <dd className="name">
            {whoOf(decision.user)}
            {peerOf(decision.user, decision.peer) !== '' && <span className={classes.dim}> ({peerOf(decision.user, decision.peer)})</span>}
          </dd>
        </div>
      )}
      <div>
        <dt>Took</dt>
        <dd>{took(decision.took_ms)}</dd>
      </div>
      {decision.code !== undefined && decision.code !== '' && (
        <div>
          <dt>Code</dt>
          <dd>
            <code className="name">{decision.code}</code>
          </dd>
        </div>
      )}
      {decision.digest !== undefined && decision.digest !== '' && (
        <div>
          <dt>Files</dt>
          <dd>
            <code title={decision.digest}>{digestOf(decision.digest)}</code>
          </dd>
        </div>
      )}
      {decision.request_id !== undefined && decision.request_id !== '' && (
        <div>
          <dt>Request</dt>
          <dd>
            <code className="name">{decision.request_id}</code>
          </dd>
        </div>
      )}
    </dl>
  );
}

function Said({ ruling }: { ruling: Ruling }) {
  return (
    <>
      <div className={classes.rowHead}>
        <span className={`${classes.policy} name`}>{ruling.plugin}</span>
        <ToneBadge look={rulingOf(ruling)} />
        <span className={`${classes.dim} name`}>
          {[hookOf(ruling.hook), modeOf(ruling.mode).label.toLowerCase(), ruling.cached ? 'known from before' : took(ruling.took_ms)].join(' · ')}
        </span>
      </div>
      {ruling.message !== undefined && ruling.message !== '' && <p className="name">{ruling.message}</p>}
      {list(ruling.warnings).map((warning, i) => (
        <p key={i} className="name">
          {warning}
        </p>
      ))}
      {ruling.exception !== undefined && list(ruling.warnings).length === 0 && (
        <p className="name">
          Excepted until {timeText(ruling.exception.expires)}: {ruling.exception.reason}
        </p>
      )}
    </>
  );
}

/** Diff shows what was before and after, under the name of who changed it. */
function Diff({ changes }: { changes: readonly Schemas['Redacted'][] }) {
  return (
    <>
      {byPolicy(changes).map(({ plugin, changes: own }) => (
        <div key={plugin} className={classes.diff}>
          <p className={`${classes.policy} name`}>{plugin}</p>
          <dl>
            {own.map((change, i) => (
              <div key={i}>
                <dt>
                  <code className="name">{change.path}</code>
                </dt>
                <dd>
                  {valueOf(change.before) !== '' && (
                    <del className="name">
                      <span className="visually-hidden">before: </span>
                      {valueOf(change.before)}
                    </del>
                  )}
                  {valueOf(change.after) !== '' && (
                    <ins className="name">
                      <span className="visually-hidden">after: </span>
                      {valueOf(change.after)}
                    </ins>
                  )}
                  {valueOf(change.after) === '' && <span className={classes.dim}>taken away</span>}
                </dd>
              </div>
            ))}
          </dl>
        </div>
      ))}
    </>
  );
}

function inventory({ plugins, rules, locked, reason }: Schemas['Inventory']): string {
  if (locked) return reason ?? '';
  const names = [...list(plugins), ...list(rules)].map(({ name }) => name);
  return names.length === 0 ? 'There were none.' : names.join(', ');
}

// Policies take less than a millisecond, mostly.
function took(milliseconds: number): string {
  return milliseconds < 100 ? `${Number(milliseconds.toFixed(milliseconds < 10 ? 1 : 0))} ms` : duration(milliseconds);
}

function timeText(time: string): string {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? '–' : date.toLocaleString();
}
