namespace Sluice.Cli.Sessions;

/// <summary>What one line contributes to its visitor's session.</summary>
/// <param name="Bytes">Bytes sent.</param>
/// <param name="IsError">Whether the status is 400 or higher.</param>
/// <param name="SeenTicks">When the request was logged, in UTC ticks.</param>
/// <param name="StampTicks">Orders pages: the log's time unit, then the number of the line, so that it is the same for any number of workers.</param>
/// <param name="Page">The request target.</param>
internal readonly record struct PageView(long Bytes, bool IsError, long SeenTicks, long StampTicks, string Page);
