import { useRunning } from '../../operations/useOperations';
import { Section } from '../../parts/Section';
import { OperationRow } from '../operations/OperationRow';
import classes from './Overview.module.css';

/** Running is the changes that are being made; nothing while there is none. */
export function Running() {
  const running = useRunning();
  if (running.length === 0) return null;
  return (
    <Section title="Being changed">
      <ul className={`plain-list ${classes.list}`}>
        {running.slice(0, 10).map((operation) => (
          <li key={operation.id}>
            <OperationRow operation={operation} />
          </li>
        ))}
      </ul>
    </Section>
  );
}
