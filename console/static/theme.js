// Light or dark, before the page is first drawn: a classic script, which runs at once.
{
  const chosen = localStorage.getItem('fanfare-theme');
  if (chosen === 'light' || chosen === 'dark') document.documentElement.dataset.theme = chosen;
}
