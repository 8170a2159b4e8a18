using System.IO.Pipelines;

namespace Sluice.Resp;

/// <summary>A transport made of a function that makes duplex pipes: another library's sockets, a tunnel, a pair of pipes in a test.</summary>
/// <param name="connect">Makes one connection; thread-safe. What it throws, the connect throws.</param>
public sealed class RespPipeTransport(Func<RespEndpoint, CancellationToken, ValueTask<IDuplexPipe>> connect) : IRespTransport
{
    private readonly Func<RespEndpoint, CancellationToken, ValueTask<IDuplexPipe>> _connect = connect ?? throw new ArgumentNullException(nameof(connect));

    /// <inheritdoc/>
    public async ValueTask<IRespDuplex> ConnectAsync(RespEndpoint endpoint, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        IDuplexPipe pipe = await _connect(endpoint, cancellationToken).ConfigureAwait(false);
        return pipe as IRespDuplex ?? new PipeDuplex(pipe);
    }

    /// <summary>Shutting down means: cancel what is under way, and say at the next call that nothing more comes or goes.</summary>
    private sealed class PipeDuplex(IDuplexPipe pipe) : IRespDuplex
    {
        private static readonly TimeSpan EndsWithin = TimeSpan.FromSeconds(1);

        public PipeReader Input => pipe.Input;

        public PipeWriter Output => pipe.Output;

        public void Shutdown()
        {
            // Both may be called on any thread; Complete may not. A reader that is cancelled knows that it was shut down, for nothing else cancels it.
            pipe.Input.CancelPendingRead();
            pipe.Output.CancelPendingFlush();
        }

        public async ValueTask DisposeAsync()
        {
            Shutdown();
            // A writer that ends in good order may flush first, and the peer may take nothing: then it ends with the pipe.
            Task ended = pipe.Output.CompleteAsync().AsTask();
            await ended.WaitAsync(EndsWithin).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            _ = ended.ContinueWith(static late => late.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted | TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
            await pipe.Input.CompleteAsync().ConfigureAwait(false);
            switch (pipe)
            {
                case IAsyncDisposable asynchronous:
                    await asynchronous.DisposeAsync().ConfigureAwait(false);
                    break;
                case IDisposable disposable:
                    disposable.Dispose();
                    break;
            }
        }
    }
}
