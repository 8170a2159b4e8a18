using Sluice.Harness;
using Sluice.Resp;

namespace Sluice.Allocations;

/// <summary>A real server and a client with one connection, for the cases that need them.</summary>
internal sealed class RespStage : IDisposable
{
    private readonly PrivateRedisServer _server;

    public RespStage()
    {
        _server = PrivateRedisServer.StartAsync([], CancellationToken.None).GetAwaiter().GetResult();
        Client = RespClient.ConnectAsync(_server.Url).AsTask().GetAwaiter().GetResult();
        Client.SetAsync("value", "0123456789abcdef").AsTask().GetAwaiter().GetResult();
    }

    public RespClient Client { get; }

    public string Url => _server.Url;

    public void Dispose()
    {
        Client.DisposeAsync().AsTask().GetAwaiter().GetResult();
        _server.DisposeAsync().AsTask().GetAwaiter().GetResult();
    }
}

/// <summary>So many callers, each of whom awaits one command at a time on one connection.</summary>
/// <remarks>The callers are made once and go on in callbacks: what an async method of the caller's own costs is not the client's.</remarks>
internal abstract class RespCase : AllocationCase
{
    private readonly ManualResetEventSlim _done = new();
    private readonly Caller[] _callers;
    private int _running;
    private long _rescuesBefore;

    protected RespCase(RespStage stage, int callers)
    {
        Client = stage.Client;
        _callers = [.. Enumerable.Range(0, callers).Select(_ => new Caller(this))];
    }

    // When the system gives the thread pool no turn, the client lends its callers threads, and the pool makes more of its own: a thread's first allocation takes 8 KiB, which is no
    // command's. Ten rescues in a million commands would still leave one byte a command visible.
    public override long ExcusedBytes => (Rescues - _rescuesBefore) * 16 * 1024;

    // One caller does a round trip at a time: a warm-up of the usual length would take minutes.
    public override int WarmUpOperations => _callers.Length == 1 ? 1000 : base.WarmUpOperations;

    protected RespClient Client { get; }

    protected int Callers => _callers.Length;

    private long Rescues => Client.GetState().Links[0].Connection.Rescues;

    /// <summary>One command. Its result is a number, of which the caller knows what it must be.</summary>
    /// <param name="buffer">Memory of this caller.</param>
    /// <param name="turn">The caller's commands, counted.</param>
    protected abstract ValueTask<long> SendAsync(Memory<byte> buffer, int turn);

    protected abstract bool IsExpected(long result);

    public sealed override void Run(int operations)
    {
        _rescuesBefore = Rescues;
        _done.Reset();
        _running = _callers.Length;
        foreach (Caller caller in _callers)
            caller.Start(operations / _callers.Length);
        _done.Wait();
        foreach (Caller caller in _callers)
            caller.ThrowIfFailed();
    }

    public override void Dispose()
    {
        _done.Dispose();
        base.Dispose();
    }

    private void Ended()
    {
        if (Interlocked.Decrement(ref _running) == 0)
            _done.Set();
    }

    private sealed class Caller
    {
        private readonly RespCase _owner;
        private readonly Action _continue;
        private readonly byte[] _buffer = new byte[64];
        private System.Runtime.CompilerServices.ValueTaskAwaiter<long> _pending;
        private Exception? _failure;
        private int _left;
        private int _turn;

        public Caller(RespCase owner)
        {
            _owner = owner;
            _continue = Continue;
        }

        public void Start(int commands)
        {
            _left = commands;
            Next();
        }

        public void ThrowIfFailed()
        {
            if (_failure is not null)
                throw new InvalidOperationException("A command failed.", _failure);
        }

        private void Continue()
        {
            if (Take())
                Next();
        }

        private void Next()
        {
            while (_left-- > 0)
            {
#pragma warning disable CA2012 // one consumer: Take
                _pending = _owner.SendAsync(_buffer, _turn++).GetAwaiter();
#pragma warning restore CA2012
                if (!_pending.IsCompleted)
                {
                    _pending.UnsafeOnCompleted(_continue);
                    return;
                }

                if (!Take())
                    return;
            }

            _owner.Ended();
        }

        private bool Take()
        {
            try
            {
                long result = _pending.GetResult();
                if (_owner.IsExpected(result))
                    return true;
                throw new InvalidOperationException($"The result was {result}.");
            }
            catch (Exception failure)
            {
                _failure = failure;
                _owner.Ended();
                return false;
            }
        }
    }
}

/// <summary>The shortest command and reply.</summary>
internal sealed class RespIncrementCase(RespStage stage, int callers) : RespCase(stage, callers)
{
    public override string Name => $"RESP INCRBY, {Callers} callers on one connection";

    protected override ValueTask<long> SendAsync(Memory<byte> buffer, int turn) => Client.IncrementByAsync("counter", 1);

    protected override bool IsExpected(long result) => result > 0;
}

/// <summary>A value into the caller's own memory.</summary>
internal sealed class RespGetCase(RespStage stage, int callers) : RespCase(stage, callers)
{
    public override string Name => $"RESP GET into a buffer, {Callers} callers";

    protected override ValueTask<long> SendAsync(Memory<byte> buffer, int turn) => Client.GetAsync("value"u8, buffer);

    protected override bool IsExpected(long result) => result == 16;
}

/// <summary>What the engine does all day.</summary>
internal sealed class RespScriptCase(RespStage stage, int callers) : RespCase(stage, callers)
{
    public static readonly Script Script = new("return redis.call('HINCRBY', KEYS[1], ARGV[1], ARGV[2])");

    public override string Name => $"RESP EVALSHA to long, {Callers} callers";

    protected override ValueTask<long> SendAsync(Memory<byte> buffer, int turn) => Client.Command(Script, 1).Key("hash").Write("field"u8).Write(1).ToInt64Async();

    protected override bool IsExpected(long result) => result > 0;
}

/// <summary>One caller, the three commands in turn: a million round trips of each would take minutes and say the same.</summary>
internal sealed class RespOneCallerCase(RespStage stage) : RespCase(stage, 1)
{
    public override string Name => "RESP INCRBY, GET, EVALSHA in turn, 1 caller";

    protected override ValueTask<long> SendAsync(Memory<byte> buffer, int turn) => (turn % 3) switch
    {
        0 => Client.IncrementByAsync("counter", 1),
        1 => Client.GetAsync("value"u8, buffer),
        _ => Client.Command(RespScriptCase.Script, 1).Key("hash").Write("field"u8).Write(1).ToInt64Async(),
    };

    protected override bool IsExpected(long result) => result > 0;
}

/// <summary>A hundred commands in one batch that is used again and again, read without a copy.</summary>
internal sealed class RespBatchCase(RespStage stage) : AllocationCase
{
    private const int Size = 100;
    private readonly RespBatch _batch = stage.Client.CreateBatch();

    public override string Name => "RESP batch of 100 scripts, used again";

    public override void Run(int operations)
    {
        for (int done = 0; done < operations; done += Size)
        {
            for (int i = 0; i < Size; i++)
                _batch.Command(RespScriptCase.Script, 1).Key("hash").Write("field"u8).Write(1).Add();
            ValueTask execution = _batch.ExecuteAsync();
            while (!execution.IsCompleted)
                Thread.Yield();
            execution.GetAwaiter().GetResult();
            for (int i = 0; i < Size; i++)
            {
                if (_batch[i].ToInt64() <= 0)
                    throw new InvalidOperationException("The batch was not executed.");
            }

            _batch.Clear();
        }
    }

    public override void Dispose()
    {
        _batch.Dispose();
        base.Dispose();
    }
}
