using Mono.Cecil;
using Mono.Cecil.Cil;
using Mono.Cecil.Rocks;

namespace Sluice.Fuzz.Coverage;

/// <summary>Rewrites an assembly so that every basic block of some source files reports to <see cref="EdgeMap"/>.</summary>
internal static class Instrumentation
{
    /// <param name="source">The assembly, with its portable symbols beside it.</param>
    /// <param name="destination">Where the rewritten one goes, without symbols.</param>
    /// <param name="covers">Says of a source file's path whether its code is to be instrumented.</param>
    /// <returns>Blocks that now report.</returns>
    public static int Rewrite(string source, string destination, Predicate<string> covers)
    {
        using AssemblyDefinition assembly = AssemblyDefinition.ReadAssembly(source, new ReaderParameters { ReadSymbols = true, InMemory = true });
        ModuleDefinition module = assembly.MainModule;
        MethodReference hit = ImportHit(module);
        BlockNumbers numbers = new();
        foreach (MethodDefinition method in module.GetTypes().SelectMany(type => type.Methods))
        {
            string? document = method.DebugInformation.SequencePoints.FirstOrDefault()?.Document.Url;
            if (method.HasBody && document is not null && covers(document))
                Rewrite(method.Body, hit, numbers);
        }

        assembly.Write(destination);
        return numbers.Given;
    }

    // By name: an import through reflection would drag in a reference to the runtime's private core library.
    private static MethodReference ImportHit(ModuleDefinition module)
    {
        System.Reflection.AssemblyName self = typeof(EdgeMap).Assembly.GetName();
        AssemblyNameReference scope = new(self.Name, self.Version);
        module.AssemblyReferences.Add(scope);
        TypeReference map = new(typeof(EdgeMap).Namespace, nameof(EdgeMap), module, scope);
        MethodReference hit = new(nameof(EdgeMap.Hit), module.TypeSystem.Void, map);
        hit.Parameters.Add(new ParameterDefinition(module.TypeSystem.Int32));
        return hit;
    }

    private static void Rewrite(MethodBody body, MethodReference hit, BlockNumbers numbers)
    {
        body.SimplifyMacros();
        ILProcessor il = body.GetILProcessor();
        Dictionary<Instruction, Instruction> entries = [];
        foreach (Instruction leader in Leaders(body))
        {
            Instruction entry = il.Create(OpCodes.Ldc_I4, numbers.Next());
            il.InsertBefore(leader, entry);
            il.InsertBefore(leader, il.Create(OpCodes.Call, hit));
            entries.Add(leader, entry);
        }

        foreach (Instruction instruction in body.Instructions)
        {
            if (instruction.Operand is Instruction target)
                instruction.Operand = Moved(target);
            else if (instruction.Operand is Instruction[] targets)
                instruction.Operand = Array.ConvertAll(targets, Moved);
        }

        foreach (ExceptionHandler handler in body.ExceptionHandlers)
        {
            handler.TryStart = Moved(handler.TryStart);
            handler.TryEnd = MovedEnd(handler.TryEnd);
            handler.HandlerStart = Moved(handler.HandlerStart);
            handler.HandlerEnd = MovedEnd(handler.HandlerEnd);
            handler.FilterStart = MovedEnd(handler.FilterStart);
        }

        body.OptimizeMacros();

        Instruction Moved(Instruction leader) => entries.GetValueOrDefault(leader, leader);
        Instruction? MovedEnd(Instruction? leader) => leader is null ? null : Moved(leader);
    }

    // First instructions of basic blocks: the entry, what is jumped to, what follows a jump that may not be taken, handlers.
    private static List<Instruction> Leaders(MethodBody body)
    {
        HashSet<Instruction> leaders = [body.Instructions[0]];
        foreach (Instruction instruction in body.Instructions)
        {
            if (instruction.Operand is Instruction target)
                leaders.Add(target);
            else if (instruction.Operand is Instruction[] targets)
                leaders.UnionWith(targets);
            if (instruction.OpCode.FlowControl == FlowControl.Cond_Branch && instruction.Next is not null)
                leaders.Add(instruction.Next);
        }

        foreach (ExceptionHandler handler in body.ExceptionHandlers)
        {
            leaders.Add(handler.TryStart);
            leaders.Add(handler.HandlerStart);
            if (handler.FilterStart is not null)
                leaders.Add(handler.FilterStart);
        }

        return [.. body.Instructions.Where(leaders.Contains)];
    }

    /// <summary>Numbers spread over the map, the same in every build of the same code.</summary>
    private sealed class BlockNumbers
    {
        public int Given { get; private set; }

        public int Next()
        {
            // An odd factor is a permutation of the 16 bits: no two blocks have the same number while there are fewer than that.
            Given++;
            return (int)((uint)(Given * 40503) & (EdgeMap.Size - 1));
        }
    }
}
