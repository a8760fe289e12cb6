// Every plugin of the dashboard. Importing one registers its pages and links; a line here adds it.
import './core';
