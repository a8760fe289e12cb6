import { useQuery } from '@tanstack/react-query';

import { queries } from '../../api/queries';
import { list } from '../../api/types';
import { count } from '../../parts/format';
import classes from './Overview.module.css';

/** LeftOut names the folders that take no part although somebody put them there. */
export function LeftOut() {
  const { data } = useQuery(queries.status());
  const errors = list(data?.manifest_errors);
  if (errors.length === 0) return null;
  return (
    <details className={classes.leftOut}>
      <summary>{count(errors.length, 'extension takes', 'extensions take')} no part</summary>
      <ul>
        {errors.map(({ file, error }) => (
          <li key={`${file} ${error}`} className="name">
            <code>{file}</code>: {error}
          </li>
        ))}
      </ul>
    </details>
  );
}
