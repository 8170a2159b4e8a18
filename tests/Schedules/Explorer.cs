using Sluice.Caching;

namespace Sluice.Schedules;

/// <summary>One thread of a run. It runs only while it is its turn, and gives the turn away at schedule points.</summary>
internal sealed class Actor(Run run, int number)
{
    private readonly SemaphoreSlim _turn = new(0);

    public int Number => number;

    public bool IsDone { get; private set; }

    /// <summary>It can't go on until another one has moved.</summary>
    public bool IsBlocked { get; set; }

    public void Reach(Step step) => run.Switch(this, step);

    public void Block()
    {
        IsBlocked = true;
        run.Switch(this, null);
    }

    public void Give() => _turn.Release();

    public void Await() => _turn.Wait();

    public void End()
    {
        IsDone = true;
        run.Switch(this, null);
    }
}

/// <summary>One schedule of one history: a list of decisions, of which a prefix is given and the rest is "go on while you can".</summary>
internal sealed class Run
{
    private readonly Actor[] _actors;
    private readonly SemaphoreSlim _over = new(0);
    private readonly IReadOnlyList<int> _prefix;
    private readonly int _frozen;
    private readonly int _freezeAt;
    private int _steps;
    private bool _hasMoved;

    /// <param name="operations">What each thread does.</param>
    /// <param name="mutant">The planted bug.</param>
    /// <param name="prefix">The first decisions: numbers of threads.</param>
    /// <param name="frozen">A thread that never moves again after so many points, or -1.</param>
    /// <param name="freezeAt">How many points it passes.</param>
    public Run(IReadOnlyList<Action> operations, Mutant mutant, IReadOnlyList<int> prefix, int frozen = -1, int freezeAt = 0)
    {
        (_prefix, _frozen, _freezeAt) = (prefix, frozen, freezeAt);
        _actors = [.. operations.Select((_, number) => new Actor(this, number))];
        Threads = [.. operations.Select((operation, number) => new Thread(() =>
        {
            Actor actor = _actors[number];
            Schedule.Join(actor, mutant);
            actor.Await();
            try
            {
                operation();
            }
            catch (Exception e)
            {
                Failure ??= e;
            }

            actor.End();
        }) { IsBackground = true })];
    }

    /// <summary>The threads; those that were frozen never end.</summary>
    public IReadOnlyList<Thread> Threads { get; }

    /// <summary>What was decided, and between whom.</summary>
    public List<(int Chosen, int[] Choices)> Decisions { get; } = [];

    /// <summary>The points in the order in which they were reached.</summary>
    public List<string> Trace { get; } = [];

    public Exception? Failure { get; private set; }

    /// <summary>Nobody could move although somebody was not done.</summary>
    public bool IsStuck { get; private set; }

    /// <summary>The frozen thread ended before it came to its point.</summary>
    public bool HasFrozen => _frozen >= 0 && !_actors[_frozen].IsDone;

    public void Execute()
    {
        foreach (Thread thread in Threads)
            thread.Start();
        Next(null)!.Give();
        _over.Wait();
        if (_frozen >= 0 || IsStuck)
            return;
        foreach (Thread thread in Threads)
            thread.Join();
    }

    public void Switch(Actor from, Step? step)
    {
        Trace.Add($"{from.Number}:{(step is { } reached ? reached.ToString() : from.IsDone ? "done" : "blocked")}");
        if (step is not null)
        {
            _hasMoved = true;
            if (from.Number == _frozen)
                _steps++;
        }

        // Only where a claim or the gate has just been given back: to try again after every step of the holder would double the schedules each time.
        if (from.IsDone || step is Step.Found or Step.GateEntered or Step.Sealed)
            Unblock();
        Actor? next = Next(from);
        if (next == from)
            return;
        if (next is null)
        {
            IsStuck = _actors.Any(a => !a.IsDone && !IsFrozen(a));
            _over.Release();
        }
        else
        {
            next.Give();
        }

        if (!from.IsDone)
            from.Await();
    }

    private Actor[] Able(Actor? from) => [.. _actors.Where(a => !a.IsDone && !a.IsBlocked && !IsFrozen(a)).OrderBy(a => a == from ? -1 : a.Number)];

    private void Unblock()
    {
        foreach (Actor actor in _actors)
            actor.IsBlocked = false;
    }

    private bool IsFrozen(Actor actor) => actor.Number == _frozen && _steps >= _freezeAt;

    // The one that runs comes first, so that without a decision it goes on: the rest of a schedule has no switches that nobody asked for.
    private Actor? Next(Actor? from)
    {
        Actor[] able = Able(from);
        if (able.Length == 0 && _hasMoved)
        {
            // Whoever they wait for may have let go since they looked.
            _hasMoved = false;
            Unblock();
            able = Able(from);
        }

        if (able.Length == 0)
            return null;
        if (able.Length == 1)
            return able[0];
        int decision = Decisions.Count;
        Actor chosen = decision < _prefix.Count ? able.First(a => a.Number == _prefix[decision]) : able[0];
        Decisions.Add((chosen.Number, [.. able.Select(a => a.Number)]));
        return chosen;
    }
}

/// <summary>Every schedule of a history, depth first: the last decision that has another choice takes it, and what follows is run anew.</summary>
internal static class Explorer
{
    /// <param name="history">Makes a fresh history: what the threads do, and the check at the end.</param>
    /// <param name="mutant">The planted bug.</param>
    /// <param name="mostSwitches">Schedules with more switches away from a thread that could go on are left out.</param>
    public static Exploration Explore(Func<History> history, Mutant mutant, int mostSwitches = int.MaxValue)
    {
        List<int> prefix = [];
        for (int schedules = 1; ; schedules++)
        {
            History fresh = history();
            Run run = new(fresh.Operations, mutant, prefix);
            run.Execute();
            string? fault = run.IsStuck ? "nobody can move" : run.Failure is { } e ? e.Message : fresh.FindFault();
            if (fault is not null)
                return new Exploration(schedules, fault, run.Trace);
            if (NextPrefix(run.Decisions, mostSwitches) is not { } next)
                return new Exploration(schedules, null, []);
            prefix = next;
        }
    }

    private static List<int>? NextPrefix(List<(int Chosen, int[] Choices)> decisions, int mostSwitches)
    {
        for (int last = decisions.Count - 1; last >= 0; last--)
        {
            (int chosen, int[] choices) = decisions[last];
            int next = Array.IndexOf(choices, chosen) + 1;

            // Choices begin with the thread that runs: any other is a switch.
            int switches = decisions.Take(last).Count(d => d.Chosen != d.Choices[0]) + 1;
            if (next < choices.Length && switches <= mostSwitches)
                return [.. decisions.Take(last).Select(d => d.Chosen), choices[next]];
        }

        return null;
    }
}

/// <summary>What a few threads do to one cache, and what must hold afterwards.</summary>
internal abstract class History
{
    public abstract IReadOnlyList<Action> Operations { get; }

    /// <summary>After all threads have ended: what is wrong, or null.</summary>
    public abstract string? FindFault();
}

/// <summary>What an exploration found.</summary>
/// <param name="Schedules">How many schedules were run.</param>
/// <param name="Fault">What was wrong in the last one, or null.</param>
/// <param name="Trace">The last one's points, where it was wrong.</param>
internal sealed record Exploration(int Schedules, string? Fault, IReadOnlyList<string> Trace);
