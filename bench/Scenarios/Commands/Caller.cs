using System.Diagnostics;

namespace Sluice.Bench.Scenarios.Commands;

/// <summary>
/// One caller that lives through all runs of a variant: it waits for a run, works until the run ends, and waits again, so that a run allocates no tasks of its own.
/// </summary>
/// <param name="sampleEvery">Of so many operations one is timed: reading the clock twice costs as much as a command.</param>
internal sealed class Caller(CallerGate gate, int sampleEvery)
{
    private long _operations;
    private long _began;
    private bool _works;

    /// <summary>Ends the operation before, and says whether there is another one; between runs it waits.</summary>
    public ValueTask<bool> NextAsync()
    {
        if (_works)
        {
            if (_began != 0)
            {
                gate.Record(Stopwatch.GetElapsedTime(_began));
                _began = 0;
            }

            _operations++;
            if (!gate.IsOver)
            {
                if (_operations % sampleEvery == 0)
                    _began = Stopwatch.GetTimestamp();
                return new ValueTask<bool>(true);
            }

            // The ticket for the next run before this one is left: the last to leave lets the next begin.
            Task<bool> next = gate.EnterAsync();
            gate.Leave(_operations);
            (_works, _operations) = (false, 0);
            return WaitAsync(next);
        }

        return WaitAsync(gate.EnterAsync());
    }

    private async ValueTask<bool> WaitAsync(Task<bool> begin)
    {
        _works = await begin;
        return _works;
    }
}
