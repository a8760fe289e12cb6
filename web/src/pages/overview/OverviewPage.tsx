import { useQuery } from '@tanstack/react-query';

import { queries } from '../../api/queries';
import { list } from '../../api/types';
import { Loading } from '../../parts/Loading';
import { PageHeader } from '../../parts/PageHeader';
import { seen } from './away';
import { Containers } from './Containers';
import { Features } from './Features';
import { Gpus } from './Gpus';
import { fareOf, summaryOf } from './health';
import { LeftOut } from './LeftOut';
import { Machine } from './Machine';
import classes from './Overview.module.css';
import { Running } from './Running';
import { Services } from './Services';

/** OverviewPage is how the machine and its services fare, and what they make possible. */
export default function OverviewPage() {
  const { data, isFetched } = useQuery(queries.services());
  // What the sections stand on comes first, so that none of them pushes another away a moment later.
  const { isFetched: features } = useQuery(queries.features());
  const { data: known, isFetched: status } = useQuery(queries.status());
  const { isFetched: core } = useQuery(queries.catalog({ category: 'core' }));
  if (!isFetched || !features || !status || !core) {
    return (
      <>
        <PageHeader title="Overview" lead={'\u00a0'} />
        <Loading lines={4} height={96} />
      </>
    );
  }
  return (
    <>
      <PageHeader title="Overview" lead={data === undefined ? '\u00a0' : summaryOf(fareOf(list(data).map((service) => seen(service, known?.agent))))} />
      <div className={classes.columns}>
        <div className={classes.column}>
          <Running />
          <Services />
          <Features />
          <LeftOut />
        </div>
        <div className={classes.column}>
          <Machine />
          <Gpus />
          <Containers />
        </div>
      </div>
    </>
  );
}
