import { PageHeader } from '../../parts/PageHeader';
import { Appearance } from './Appearance';
import { Doctor } from './Doctor';
import { Keys } from './Keys';
import { SessionFacts } from './SessionFacts';
import { Versions } from './Versions';

/** SettingsPage is about this session, who else may come in, and how the installation is. */
export default function SettingsPage() {
  return (
    <>
      <PageHeader title="Settings" lead="Your session, keys, how this looks, and what is wrong with the installation." />
      <SessionFacts />
      <Appearance />
      <Doctor />
      <Keys />
      <Versions />
    </>
  );
}
