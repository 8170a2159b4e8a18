namespace Sluice.Fuzz.Engine;

/// <summary>Ends the process when one execution takes seconds: the input is then found in <see cref="CurrentInput"/>.</summary>
internal sealed class Watchdog
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private readonly ManualResetEventSlim _stop = new();
    private Thread? _thread;
    private long _execution;

    public void Start()
    {
        _thread = new Thread(Watch) { IsBackground = true, Name = "fuzz watchdog" };
        _thread.Start();
    }

    public void Beat(long execution) => Volatile.Write(ref _execution, execution);

    public void Stop()
    {
        _stop.Set();
        _thread?.Join();
        _stop.Dispose();
    }

    private void Watch()
    {
        long last = -1;
        while (!_stop.Wait(Patience))
        {
            long now = Volatile.Read(ref _execution);
            if (now == last)
                Environment.FailFast($"Execution {now} did not end within {Patience.TotalSeconds} s.");
            last = now;
        }
    }
}
