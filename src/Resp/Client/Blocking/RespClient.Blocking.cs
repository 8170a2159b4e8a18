using Sluice.Resp.Client;

namespace Sluice.Resp;

public sealed partial class RespClient
{
    /// <summary>
    /// Begins a command that blocks on the server (BLPOP, XREAD BLOCK, ...): it gets a connection for itself, so that nobody waits behind it. Without a time limit of its own it waits for as long as
    /// its arguments say.
    /// </summary>
    /// <remarks>
    /// <para>The task fails with <see cref="RespOverloadException"/>, not sent, when <see cref="RespClientOptions.BlockingConnections"/> are in use. Calling it off closes its connection, which ends it on the
    /// server; what it had taken from a list at that moment is lost. Whether the peer is still there only the kernel asks meanwhile (keep-alive, user time-out).</para>
    /// <para>Allocates some objects.</para>
    /// </remarks>
    public RespCommand BlockingCommand(string name) => new(new BlockingCall(_route, _blocking, Options.BlockingConnections), name);

    /// <inheritdoc cref="BlockingCommand(string)"/>
    public RespCommand BlockingCommand(RespCommandPrefix prefix) => new(new BlockingCall(_route, _blocking, Options.BlockingConnections), prefix);

    /// <summary>BLPOP on one list.</summary>
    /// <param name="key">The list.</param>
    /// <param name="wait">How long the server waits for an element; zero: for ever. Milliseconds count.</param>
    /// <param name="cancellationToken">Calls it off; an element that was taken at that moment is lost.</param>
    /// <returns>The element in pooled memory, which the caller disposes; <see cref="RespLease.IsNull"/> when none came.</returns>
    public ValueTask<RespLease> BlockingPopAsync(RespArgument key, TimeSpan wait, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(wait, TimeSpan.Zero);
        return BlockingCommand("BLPOP").Key(key).Write(wait.TotalSeconds).ToAsync(ReadPopped, cancellationToken: cancellationToken);
    }

    /// <summary>
    /// WAIT, behind the writes of a key and on their connection, because a server answers for what the same connection wrote. Everything that comes later on that connection waits too: one WAIT for many
    /// writes, and connections of their own for those who use it much.
    /// </summary>
    /// <param name="key">A key of the writes that are meant.</param>
    /// <param name="replicas">How many replicas are to have them.</param>
    /// <param name="wait">How long the server waits; more than zero.</param>
    /// <param name="cancellationToken">Calls the waiting of the caller off, not the server's.</param>
    /// <returns>How many replicas have them.</returns>
    public ValueTask<long> WaitForReplicasAsync(RespArgument key, int replicas, TimeSpan wait, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(replicas);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(wait, TimeSpan.Zero);
        RespCommand command = Command(CommandNames.Wait);
        command.RouteBy(key);
        return command.Write(replicas).Write((long)Math.Ceiling(wait.TotalMilliseconds)).ToInt64Async(BehindWait(wait), cancellationToken);
    }

    /// <summary>
    /// WAITAOF, behind the writes of a key and on their connection: waits until they are in the append-only files. As with <see cref="WaitForReplicasAsync"/>, everything that comes later on that
    /// connection waits too. Servers know it from version 7.2 on. Allocates an array.
    /// </summary>
    /// <param name="key">A key of the writes that are meant.</param>
    /// <param name="local">1: the server's own file; 0: not waited for.</param>
    /// <param name="replicas">How many replicas are to have them in theirs.</param>
    /// <param name="wait">How long the server waits; more than zero.</param>
    /// <param name="cancellationToken">Calls the waiting of the caller off, not the server's.</param>
    /// <returns>How many files of the server itself (0 or 1), and of how many replicas, have them.</returns>
    public ValueTask<(long Local, long Replicas)> WaitForAppendOnlyFileAsync(RespArgument key, int local, int replicas, TimeSpan wait, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(local);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(local, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(replicas);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(wait, TimeSpan.Zero);
        RespCommand command = Command(CommandNames.WaitAppendOnlyFile);
        command.RouteBy(key);
        return ReadFilesAsync(command.Write(local).Write(replicas).Write((long)Math.Ceiling(wait.TotalMilliseconds)).ToInt64ArrayAsync(BehindWait(wait), cancellationToken));
    }

    private static async ValueTask<(long Local, long Replicas)> ReadFilesAsync(ValueTask<long[]?> reply) => await reply.ConfigureAwait(false) is [var own, var others]
        ? (own, others)
        : throw new RespTypeException("The server answered WAITAOF with something else than two numbers.");

    /// <summary>What a server may take that first waits for so long.</summary>
    private TimeSpan BehindWait(TimeSpan wait) => Options.CommandTimeout == Timeout.InfiniteTimeSpan ? Timeout.InfiniteTimeSpan : wait + Options.CommandTimeout;

    /// <summary>The value of a blocking pop: the last element, behind the key's name.</summary>
    internal static RespLease ReadPopped(ref RespReader reply)
    {
        if (reply.IsNull)
            return RespLease.Null;
        RespReader element = reply;
        foreach (RespReader child in reply.Children)
            element = child;
        RespLease lease = RespLease.Rent(checked((int)element.ByteLength));
        element.CopyTo(lease.Memory.Span);
        return lease;
    }
}
