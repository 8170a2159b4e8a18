namespace Sluice.Resp.Connection;

/// <summary>How long a command may take and who may call it off.</summary>
/// <param name="TimeoutMilliseconds">From the call to the reply; 0 = the connection's default, -1 = no limit.</param>
internal readonly record struct SendTerms(int TimeoutMilliseconds, CancellationToken Cancellation)
{
    public const int NoLimit = -1;
}
