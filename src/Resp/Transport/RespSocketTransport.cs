using Sluice.Resp.Transport;

namespace Sluice.Resp;

/// <summary>The transport over the system's sockets: TCP and Unix-domain, with or without TLS.</summary>
/// <remarks>
/// <para>A connect runs on a thread of its own, and what awaits it goes on there: neither connecting nor reading nor writing asks the thread pool.</para>
/// <para>The reader of a connection blocks the calling thread until there is something. The writer never blocks the caller.</para>
/// <para>Thread-safe; holds nothing itself.</para>
/// </remarks>
public sealed class RespSocketTransport : IRespTransport
{
    private const int StackBytes = 512 * 1024;
    private readonly RespTransportOptions _options;

    /// <summary>With the default options.</summary>
    public RespSocketTransport()
        : this(new RespTransportOptions())
    {
    }

    /// <summary>With these options.</summary>
    /// <exception cref="ArgumentException">An option has a value that is not allowed.</exception>
    public RespSocketTransport(RespTransportOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        _options = options;
    }

    /// <inheritdoc/>
    public ValueTask<IRespDuplex> ConnectAsync(RespEndpoint endpoint, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        if (cancellationToken.IsCancellationRequested)
            return ValueTask.FromCanceled<IRespDuplex>(cancellationToken);

        // Continuations run inline on purpose, on the connecting thread.
        TaskCompletionSource<IRespDuplex> connected = new();
        Dial dial = new(endpoint, _options, cancellationToken);
        new Thread(() => Complete(connected, dial), StackBytes) { IsBackground = true, Name = "sluice-resp-dial" }.UnsafeStart();
        return new ValueTask<IRespDuplex>(connected.Task);
    }

    private static void Complete(TaskCompletionSource<IRespDuplex> connected, Dial dial)
    {
        try
        {
            connected.SetResult(dial.Connect());
        }
        catch (OperationCanceledException cancelled)
        {
            connected.SetCanceled(cancelled.CancellationToken);
        }
        catch (Exception failed)
        {
            connected.SetException(failed);
        }
    }
}
