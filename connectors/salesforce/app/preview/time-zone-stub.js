export default 'America/New_York';
